"""
what = "Two honest mistakes cost what they cost."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
test_countdown = "failed"
"""
# %% [exercises] mean
def mean(values):
    return sum(values)
# %% [exercises] countdown
def countdown(n):
    while n >= 0:
        yield n
        n -= 1
