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
#     agreed: 876760c067611a9f
# ---

# %% [markdown]
# # Quiz 4: Measure latency and throughput
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
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/04_measure_latency_and_throughput/` there, and type in a
#   terminal `python3 bootstrap.py grade 04`, then `python3 bootstrap.py report 04` (Windows: `py` in place of `python3`).
#
# Questions 2 to 5 are answered by something that you measured in lesson 04; question 1 asks you to use it on what is new.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# A service freezes for 30 seconds, once in ten minutes. A closed loop with four clients and an open one with 50 requests a second, from when each is due, both run for these ten minutes. The service takes 5 ms otherwise. Which statements hold?
#
# - **A.** The closed loop reports four slow requests, and a p99 of about 5 ms
# - **B.** About one in twenty requests of the open loop met the freeze
# - **C.** The p99 of the open loop is about 5 ms as well, since only 5 % of the time was bad
# - **D.** With forty clients the closed loop would have come close to the open one

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Pick one, 1 point.*
#
# The freezing service was asked by a schedule of 100 a second through eight connections. p99 of latency was above eight seconds. What was p99 of the service time, from sending to the answer?
#
# - **A.** Above eight seconds as well: the service did freeze
# - **B.** About a second: the ten seconds shared by eight connections
# - **C.** Some milliseconds: fewer than one in a hundred were under way during the freeze
# - **D.** It has none: with eight connections a p99 cannot be told

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Select all that apply, 1 point.*
#
# A hundred testers measured a service with a rare pause, each with 200 requests, others with more. What did you find?
#
# - **A.** With 200 requests, the largest p99 was more than five times the smallest
# - **B.** With 200 requests, the reports agreed within a factor of 1.5
# - **C.** The library gives a p99 of 1,000 requests, and refuses one of 200
# - **D.** The mean of many p99s of 200 requests each is as good as one p99 of all their requests

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Pick one, 1 point.*
#
# The service lost its database half-way through the run, and four clients went on asking in a closed loop. What happened to answers of any kind, and to throughput?
#
# - **A.** Both fell to a fraction
# - **B.** Answers rose more than tenfold; throughput, over the whole run, was about half of what it had been with the database
# - **C.** Both rose more than tenfold
# - **D.** Answers stayed the same, since four clients ask as often as they ask

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 5
#
# *Select all that apply, 1 point.*
#
# In which of these did the reported latency change, although the service took as long for each request, once it had begun with it, as before? Whether users really waited longer, or the report alone says so, makes no difference here.
#
# - **A.** A time-out of 1 s in place of 20 s: p99 of the successes fell to less than a tenth
# - **B.** Poisson arrivals in place of even ones, at the same rate: p95 rose to more than three times the service time
# - **C.** A client that worked for 15 ms on each of 100 requests a second: the median rose to more than 20 times the service time
# - **D.** Offline in place of SingleStream: LoadGen reported a shorter latency for each flight

# %% nbgrader={"grade": true, "grade_id": "q5", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q5", "")
