"""
what = "The function under test calls sys.displayhook(2), which stock nbgrader takes for a score."
row = "student function calls `sys.displayhook(2)`"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import sys

def mean(values):
    sys.displayhook(2)
    print("2\n1.0\n")
    display(3)
    return 0
