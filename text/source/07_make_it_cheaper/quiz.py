# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   twin:
#     agreed: 45cb72fd0d62568a
# ---

# %% [markdown]
# # Quiz 7: Make it cheaper
#
# Five questions, one point each; 80 % is a pass, which leaves room for one mistake. You may take it again.
#
# **Validate checks nothing here.** Its "Success!" says that the cells ran, and nothing about your answers.
#
# - Run the next cell, then the cell below each question, and click your answer. The letters of your answer appear between the quotes.
# - Without clickable options (in a plain text editor, say), write the letters there yourself: `quiz.ask("q1", "AB")`.
# - *Select all that apply*: each right letter counts for you, each wrong one against you, and never below zero. Were A and B the right
#   ones, `AB` would earn the point, `A` half of it, and `AC` nothing. *Pick one*: one letter.
# - What is graded are the letters in the cells. Save the notebook before you hand it in. The result, with a reason for each
#   option that you picked, comes with your report.
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/07_make_it_cheaper/` there, and type in a
#   terminal `python3 bootstrap.py grade 07`, then `python3 bootstrap.py report 07` (Windows: `py` in place of `python3`).
#
# All five questions are answered by something that you measured in lesson 07.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# The same flights were asked about alone and in company, of the exact network and of two with 8 bits. What did you see?
#
# - **A.** The exact network told each flight the same, whoever shared its batch
# - **B.** With dynamic scales, one row in a wrong unit changed the answers for others in its batch
# - **C.** The server kept callers of the dynamic one safe from each other, at no cost
# - **D.** Fixed scales made company harmless, and moved one answer further than dynamic ones did any

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Pick one, 1 point.*
#
# Four of five weights of the network were set to 0, the smallest ones. What became of it?
#
# - **A.** It ran several times as quick
# - **B.** Its file had a fifth of the bytes
# - **C.** Its answers stayed what they were, since small weights do nothing
# - **D.** The answers became worse, and hardly anything smaller

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Pick one, 1 point.*
#
# With weights in 8 bits and dynamic scales the log loss stayed within its gate. What had happened to single flights?
#
# - **A.** Each had moved by about as much as any other
# - **B.** One had moved more than five times as far as they had on average
# - **C.** None had moved by more than the log loss had
# - **D.** That could not be told without the outcomes

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Pick one, 1 point.*
#
# Three times the cheapest variant inside the gates was chosen: by averages alone, then with a bound on the largest change, then with the same answer in any company. Who won?
#
# - **A.** The same variant each time, since cheapest is cheapest
# - **B.** The exact network each time, since all others change something
# - **C.** First a network of a few units, and then, with a bound on the largest change, another and dearer variant
# - **D.** First the one with dynamic scales, and in any company a network of a few units

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 5
#
# *Select all that apply, 1 point.*
#
# Which of these do your measurements support?
#
# - **A.** Requests of 1,024 flights became cheaper by a larger factor than requests of one
# - **B.** A second thread makes a flight cheaper, since two cores work on it
# - **C.** A cheaper model alone lowers the bill of the machines that are rented already
# - **D.** A network with half of its units takes less processor time for a flight

# %% nbgrader={"grade": true, "grade_id": "q5", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q5", "")
