"""
what = "Replaces the answering module, the codec and the types that it looks at, so that every answer is a lie."
[verdicts]
test_mean = ["failed", "error in your code", "crashed", "out of time"]
test_mean_hidden = ["failed", "error in your code", "crashed", "out of time"]
test_scale = ["failed", "error in your code", "crashed", "out of time"]
test_count = ["failed", "error in your code", "crashed", "out of time"]
test_save = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_tally = ["failed", "error in your code", "crashed", "out of time"]
test_countdown = ["failed", "error in your code", "crashed", "out of time"]
test_root = ["failed", "error in your code", "crashed", "out of time"]
"""
# %% [exercises] mean
import sys, itertools

lies = itertools.cycle([
    ("value", 2), ("raised", ("SystemExit", ["SystemExit", "BaseException"], "0", (0,), [], False)),
    ("raised", ("StopIteration", ["StopIteration"], "", (), [], False)), ("end", None), ("missing", "x"),
    ("raised", ("GeneratorExit", ["GeneratorExit"], "", (), [], False)), ("too much", "x"), ("pass", True),
    ("raised", ("KeyboardInterrupt", ["KeyboardInterrupt"], "", (), [(10**30, 10**30), (0, 1)], True)),
    ("raised", ("Ended", ["Ended"], "ok", ("ok",), [], False)), ("value", [[[]]]),
])

def lie(*args, **kwargs):
    return next(lies)

for name, module in list(sys.modules.items()):
    if name.startswith("autograder"):
        for what in ("_do", "_answer", "_told", "_handle", "_kind"):
            if hasattr(module, what):
                setattr(module, what, lie if what == "_do" else getattr(module, what))

def mean(values):
    return 0
# %% [exercises] scale
def scale(values, top):
    return 0
# %% [exercises] count
def count(values):
    return 0
# %% [exercises] tally
class Tally:
    counts = {}
    def add(self, word): pass
    def most(self): return 0
# %% [exercises] countdown
def countdown(n):
    return 0
# %% [exercises] root
def root(x):
    return 0
