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
#     agreed: 25793e443c62f5ff
# ---

# %% [markdown]
# # Quiz 5: Serve under load
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
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/05_serve_under_load/` there, and type in a
#   terminal `python3 bootstrap.py grade 05`, then `python3 bootstrap.py report 05` (Windows: `py` in place of `python3`).
#
# Questions 1 and 3 to 5 are answered by something that you measured in lesson 05; question 2 asks you to use it on what is new.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# A server was measured at 20 %, 50 % and 150 % of its capacity, for a few seconds each. By what you saw, which statements hold?
#
# - **A.** At 150 % its throughput is about its capacity
# - **B.** A longer run at 150 % would show a higher mean latency
# - **C.** At 50 % nobody waits, since half of its time is free
# - **D.** Its p99 can be read from 100 requests

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Pick one, 1 point.*
#
# A server with exponential service times runs at 80 % utilisation. By the law that you simulated, to which utilisation would it have to come down for half the mean latency?
#
# - **A.** 40 %
# - **B.** 60 %
# - **C.** 75 %
# - **D.** 79 %

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Pick one, 1 point.*
#
# The flat model took 10 ms a run; at 20 requests a second its median was a little over 10 ms. With a longest wait of 50 ms it was
#
# - **A.** about the same: the timer ends as soon as the model is idle
# - **B.** lower, since batches were fuller
# - **C.** several times as long: most requests waited out the timer, alone
# - **D.** 50 ms longer at p99 only

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Select all that apply, 1 point.*
#
# At 3 times its capacity, a server without a bound and one that lets 10 rows wait. What did you measure?
#
# - **A.** The bounded one had several times the goodput
# - **B.** The bounded one refused the larger part of the requests
# - **C.** The unbounded one answered more in time, since it refused nobody
# - **D.** The unbounded one's model stood idle much of the time

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 5
#
# *Pick one, 1 point.*
#
# In the game with 60 users a second and one bad second, when was all well again with three retries and no bound?
#
# - **A.** A second after the burst
# - **B.** As soon as the queue of the burst was worked off, some seconds later
# - **C.** Not at all, to the end of the game
# - **D.** When the users' patience was over

# %% nbgrader={"grade": true, "grade_id": "q5", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q5", "")
