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
#     agreed: e3bfe92bd46451f4
# ---

# %% [markdown]
# # Quiz 3: Serve it
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
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/03_serve_it/` there, and type in a
#   terminal `python3 bootstrap.py grade 03`, then `python3 bootstrap.py report 03` (Windows: `py` in place of `python3`).
#
# Questions 2 to 5 are answered by something that you measured in lesson 03; question 1 asks you to use it on what is new.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# None of these was among the thirty-three. Where are the status and who has to act right, by the rules of lesson 03?
#
# - **A.** A flight whose shape is sent as text, `["1", "13"]`: 400, whoever wrote the client
# - **B.** A right request, a second after a restart, while the model is being loaded: 503, nobody; the client comes back later
# - **C.** A right request during which the model runs out of memory: 400, whoever wrote the client, with a smaller request
# - **D.** DELETE `/v2/models/late`: 404, whoever wrote the client, since a model cannot be deleted

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Select all that apply, 1 point.*
#
# In a running server somebody unloads its only model. What still answers with 200, by the table that you printed?
#
# - **A.** GET `/v2/health/live`
# - **B.** GET `/v2/health/ready`
# - **C.** POST `/v2/models/late/infer`
# - **D.** GET `/v2/models/late/ready`

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Pick one, 1 point.*
#
# How many times as large as the binary body of a request for 4,096 flights is the JSON one?
#
# - **A.** 1 to 1.5 times: digits and bytes are about the same
# - **B.** Two to four times
# - **C.** Ten times or more
# - **D.** Less than 1 time: JSON leaves out zeros

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Select all that apply, 1 point.*
#
# Which of these mistakes did the friendly server answer with 200, so that nobody was told?
#
# - **A.** Two flights laid out by column
# - **B.** The numbers of one flight, with a shape that says two
# - **C.** A flight with 12 columns
# - **D.** A body whose last byte is missing

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 5
#
# *Pick one, 1 point.*
#
# Eight clients had sent half of their request when the server was told to stop, and eight when its process was killed. How many got an answer?
#
# - **A.** 8 and 0
# - **B.** 0 and 0: half a request cannot be answered
# - **C.** 8 and 8: the operating system delivers what is on its way
# - **D.** Those whose request had arrived by more than half, in both cases

# %% nbgrader={"grade": true, "grade_id": "q5", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q5", "")
