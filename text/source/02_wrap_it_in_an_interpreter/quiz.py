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
#     agreed: 59d1bb6d1c6c85c0
# ---

# %% [markdown]
# # Quiz 2: Wrap it in an interpreter
#
# Six questions, one point each; 80 % is a pass. With six points this leaves room for one wrong *pick one*. You may take it again.
#
# **Validate checks nothing here.** Its "Success!" says that the cells ran, and nothing about your answers.
#
# - Run the next cell, then the cell below each question, and click your answer. The letters of your answer appear between the quotes.
# - Without clickable options (in a plain text editor, say), write the letters there yourself: `quiz.ask("q1", "AB")`.
# - *Select all that apply*: each right letter counts for you, each wrong one against you, and never below zero. Were A and B the right
#   ones, `AB` would earn the point, `A` half of it, and `AC` nothing. *Pick one*: one letter.
# - What is graded are the letters in the cells. Save the notebook before you hand it in. The result, with a reason for each
#   option that you picked, comes with your report.
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/02_wrap_it_in_an_interpreter/` there, and type in a
#   terminal `python3 bootstrap.py grade 02`, then `python3 bootstrap.py report 02` (Windows: `py` in place of `python3`).
#
# Each question is answered by something that you measured in lesson 02. Have it open beside you.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# Lesson 02 converted several models without an error or a warning. Which of the files gave probabilities that were off by more than 0.001 on *more than half* of the flights?
#
# - **A.** Trees on the columns as they are
# - **B.** Trees told by `categorical_features=` which columns are names
# - **C.** Trees behind a scaler
# - **D.** `CalibratedClassifierCV` around a whole pipeline
# - **E.** A pipeline with `CalibratedClassifierCV` around its last step

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Pick one, 1 point.*
#
# A file passes all of its tests, each of which sends one row. In service it refuses the first batch, of 20 rows, with an error. What is the likely cause?
#
# - **A.** It was made from trees behind a scaler
# - **B.** The service sends float64
# - **C.** It was converted with the shape of one example row, so its batch dimension is frozen
# - **D.** Its output is a dictionary for each row, and the dictionaries of 20 rows do not fit into one array

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Pick one, 1 point.*
#
# The trees trained on Celsius in float64 differed on very few of the autumn's flights. By the formula, how many flights, drawn at random, does a test have to compare to meet one of them with 95 % certainty?
#
# - **A.** About 200
# - **B.** About 3,000
# - **C.** About 50,000
# - **D.** No number is enough: so rare a fault cannot be met

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Select all that apply, 1 point.*
#
# You sent eight wrong requests to a bare ONNX Runtime session, with no wrapping around it. Which of these did it *answer*?
#
# - **A.** Rows of float64
# - **B.** A Python list of rows
# - **C.** float32 in the other byte order
# - **D.** A misspelt name

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 5
#
# *Select all that apply, 1 point.*
#
# The scores of the trees behind a scaler were as good in the file as in scikit-learn, log loss as well as ROC AUC. What follows?
#
# - **A.** Averaged over all flights, the file's probabilities are as good as the model's
# - **B.** Each flight gets the probability that the model gives it
# - **C.** A comparison of scores cannot take the place of a parity check
# - **D.** ROC AUC alone would also have been enough for the calibrated pipeline

# %% nbgrader={"grade": true, "grade_id": "q5", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q5", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 6
#
# *Pick one, 1 point.*
#
# The median latency of a service (p50) is fine. After each deployment, though, the first request to every model is slow, and somebody complains. What helps?
#
# - **A.** More threads for each session
# - **B.** To run each model once on made-up rows before the service says that it is ready
# - **C.** Spinning, so that no thread has to be woken
# - **D.** To collect single requests into batches of 32

# %% nbgrader={"grade": true, "grade_id": "q6", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q6", "")
