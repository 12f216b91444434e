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
#     agreed: 7f8940eeb721270c
# ---

# %% [markdown]
# # Quiz 6: Watch it decay
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
# - You learn alone, with the whole course folder? Copy this notebook into `submitted/me/06_watch_it_decay/` there, and type in a
#   terminal `python3 bootstrap.py grade 06`, then `python3 bootstrap.py report 06` (Windows: `py` in place of `python3`).
#
# All five questions are answered by something that you measured in lesson 06.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from autograder.quiz import Quiz

quiz = Quiz("questions.json")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 1
#
# *Select all that apply, 1 point.*
#
# A model of the station's riders was trained on three years and left alone for more than twelve. What did you see of it?
#
# - **A.** Its error on new years climbed, while its predictions went on rising and falling with the truth
# - **B.** Its error on the days it was trained on was in the end what it had been at the start
# - **C.** Its file changed a little with each year that it served
# - **D.** Its correlation with the truth fell as its error rose

# %% nbgrader={"grade": true, "grade_id": "q1", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q1", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 2
#
# *Pick one, 1 point.*
#
# The logistic model of the flights knew January to March and was left alone for the rest of the year. How did it fare against no model, which always predicts the base rate?
#
# - **A.** It got worse with every month, and was at its worst in December
# - **B.** It was worse than no model at midsummer, and well again in September
# - **C.** It was better than no model in each month, with a smaller lead
# - **D.** It was worse than no model from April on, to the end of the year

# %% nbgrader={"grade": true, "grade_id": "q2", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q2", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 3
#
# *Select all that apply, 1 point.*
#
# Monitors without labels, PSI and the Kolmogorov–Smirnov test (KS), held windows of inputs against a reference. What did you find?
#
# - **A.** With its usual bound, PSI rang in nearly every window, also in those in which the model did well
# - **B.** With a threshold set on quiet windows, PSI of the inputs found what happened to the riders' model
# - **C.** A thousand flights of a few days count for KS as a thousand, and are worth far fewer
# - **D.** With a p-value of KS below 0.01 as the alarm, 1 in 100 comparisons rings in which nothing has changed

# %% nbgrader={"grade": true, "grade_id": "q3", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q3", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 4
#
# *Pick one, 1 point.*
#
# A threshold was set on some windows in which nothing was wrong. On 50 others, as quiet, nothing rang. What does `false_alarms` let you say about the rate of false alarms?
#
# - **A.** It is 0
# - **B.** It may still be as much as 7 in 100
# - **C.** It is at most 1 in 50
# - **D.** Nothing, without an alarm

# %% nbgrader={"grade": true, "grade_id": "q4", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q4", "")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["question"]
# ## Question 5
#
# *Pick one, 1 point.*
#
# Month by month a flight model fitted anew was held against the one that was left alone. Which of these did you measure?
#
# - **A.** The new one was better in each month: its data are fresher
# - **B.** The old one was better in each month: it had been trained with more care
# - **C.** The new one was far better in summer, and worse in some other months
# - **D.** There was no difference worth its price in any month

# %% nbgrader={"grade": true, "grade_id": "q5", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
quiz.ask("q5", "")
