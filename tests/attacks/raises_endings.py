"""
what = "Raises what might end a test early as if all were well: SystemExit(0), StopIteration, GeneratorExit, interrupts, Skip."
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_scale = "error in your code"
test_count = "error in your code"
test_save = "error in your code"
test_tally = "error in your code"
test_countdown = ["error in your code", "failed"]
test_root = "error in your code"
"""
# %% [exercises] mean
def mean(values):
    raise SystemExit(0)
# %% [exercises] scale
def scale(values, top):
    raise StopIteration([5, 10])
# %% [exercises] count
import unittest
def count(values):
    raise unittest.SkipTest("no")
# %% [exercises] save
def save(values):
    raise GeneratorExit
# %% [exercises] tally
class Tally:
    def __init__(self):
        raise KeyboardInterrupt
# %% [exercises] countdown
def countdown(n):
    raise StopAsyncIteration
    yield
# %% [exercises] root
import asyncio
def root(x):
    raise asyncio.CancelledError
