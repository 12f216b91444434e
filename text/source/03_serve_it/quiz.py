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
#     agreed: 372213c077f5bfc2
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
# Each question is answered by something that you measured in lesson 03.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Pick one, 1 point.*
#
# Four requests for a prediction, each a little odd. Which of them did the server of lesson 03 answer with 200?
#
# - **A.** All 13 numbers as text, such as `"57.02"`
# - **B.** No flights at all, with the shape `[0, 13]`
# - **C.** A flight, and a second input that the model does not have
# - **D.** A flight whose temperature is `NaN`, without quotes

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Select all that apply, 1 point.*
#
# In a running server somebody unloads its only model. What still answers with 200, by what you watched?
#
# - **A.** GET `/v2/health/live`
# - **B.** GET `/v2/health/ready`
# - **C.** POST `/v2/models/late/infer`
# - **D.** POST `/v2/models/late/versions/1/infer`, since it names a version

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Pick one, 1 point.*
#
# How much larger is the JSON body of a request for 4,096 flights than the binary one?
#
# - **A.** By less than half: digits and bytes are about the same
# - **B.** Two to four times
# - **C.** Ten times or more
# - **D.** It is smaller, since JSON leaves out zeros

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
