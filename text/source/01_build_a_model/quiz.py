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
#     agreed: 9542757838d13f0c
# ---

# %% [markdown]
# # Quiz 1: Introduction to Model Serving
#
# Four questions, one point each; 80 % is a pass. With four points this leaves no room for a wrong *pick one*. You may take it again.
#
# **Validate checks nothing here.** Its "Success!" says that the cells ran, and nothing about your answers.
#
# - Run the next cell, then the cell below each question, and click your answer. The letters of your answer appear between the quotes.
# - Without clickable options (in a plain text editor, say), write the letters there yourself: `quiz.ask("q1", "AB")`.
# - *Select all that apply*: each right letter counts for you, each wrong one against you, and never below zero. Were A and B the right
#   ones, `AB` would earn the point, `A` half of it, and `AC` nothing. *Pick one*: one letter.
# - What is graded are the letters in the cells. Save the notebook before you hand it in. The result, with a reason for each
#   option that you picked, comes with your report.
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/01_build_a_model/` there, and type in a
#   terminal `python3 bootstrap.py grade 01`, then `python3 bootstrap.py report 01` (Windows: `py` in place of `python3`).
#
# Each question is answered by something that you measured in lesson 01, except where it looks ahead to a later one.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# A trained model is to answer requests in production. Which three components have to be thought of, because no prediction comes about without them?
#
# - **A.** A model
# - **B.** Input data
# - **C.** An interpreter
# - **D.** An orchestrator

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Pick one, 1 point.*
#
# A model was trained offline: once, on data of the past. Live data reach it from now on, month after month, and nobody trains it again. What becomes of it?
#
# - **A.** It adapts to the new patterns as they appear
# - **B.** It becomes stale
# - **C.** It abruptly forgets what it learned

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Pick one, 1 point.*
#
# No user waits for the answers of a service: it works through its requests in the background. Does its throughput then count for more than its latency?
#
# - **A.** No: users would find the app slow
# - **B.** Yes: aim for as many predictions as possible with as little CPU time as possible

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Select all that apply, 1 point.*
#
# Answering fast and answering many at once takes more machines, and the costs rise. Which strategies help to balance what serving costs against how satisfied its users are?
#
# - **A.** GPU sharing
# - **B.** Multi-model serving
# - **C.** Optimising models for inference
# - **D.** Stress testing

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")
