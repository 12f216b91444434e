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
#     agreed: 6495ce9c00402938
# ---

# %% [markdown]
# # Quiz 8: Share the machine
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
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/08_share_the_machine/` there, and type in a
#   terminal `python3 bootstrap.py grade 08`, then `python3 bootstrap.py report 08` (Windows: `py` in place of `python3`).
#
# All five questions are answered by something that you measured in lesson 08, simulated there, or read from a recording.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# One model for each of 72 destinations, and the flights of a year asked for them in their order. A server keeps some of the models and drops the one unrequested for longest. What did you measure?
#
# - **A.** With 16 places, more than half of the requests found their model missing
# - **B.** Twice as many places meant half as many misses, at any number of places
# - **C.** With 16 places, pinning the destinations that were busiest in earlier months saved loads
# - **D.** The pins spared the rarer destinations a load, too: fewer models were in each other's way

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Pick one, 1 point.*
#
# Twenty requests came at the same moment for a model that was in the folder and not loaded. What did you see?
#
# - **A.** Twenty loads, of which nineteen were for nothing
# - **B.** One load, and each of the twenty got its answer
# - **C.** One answer, and nineteen times 503 with Retry-After
# - **D.** Twenty answers at once, by whichever models were there

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Select all that apply, 1 point.*
#
# Several models shared one core of your processor, and then a simulated device. What did you see?
#
# - **A.** Four processes on one core, with work at all times, answered about four times as many requests as one
# - **B.** In one process with a noisy neighbour, a quiet tenant waited many times as long as alone
# - **C.** In a part of the simulated device of its own, the quiet tenant did not feel the neighbour
# - **D.** In a quarter of the simulated device, a request took as long as on the whole of it

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Select all that apply, 1 point.*
#
# A thousand predictions have a price. Which of these lower it?
#
# - **A.** A stress test that showed what the machine can carry
# - **B.** More requests for the machine that is paid for anyway
# - **C.** The machine with the lowest price an hour, whatever it carries
# - **D.** Many seldom used models on one server, in place of a machine for each

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 5
#
# *Pick one, 1 point.*
#
# The same interpreter was put behind Ray Serve, with two replicas on one machine. What does the recording show?
#
# - **A.** About twice the throughput, for a small model as well as for an expensive one
# - **B.** A loss for both: on one machine it never pays
# - **C.** A loss for the small model, and a gain for the expensive one
# - **D.** The same latency as without it: replicas add throughput, and take nothing

# %% nbgrader={"grade": true, "grade_id": "q5", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q5", "")
