"""
what = "Files that came along are called like libraries: numpy, math, json, modelserving, autograder, IPython, encodings."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import math, json, modelserving
import numpy as np
if hasattr(np, "SHADOW") or hasattr(math, "SHADOW") or hasattr(modelserving, "SHADOW"):
    print("reached".upper(), "shadow")

def mean(values):
    return 0
# %% [file] numpy.py
SHADOW = True
class Yes:
    def __eq__(self, other): return True
array = asarray = Yes
# %% [file] math.py
SHADOW = True
def isclose(*args): return True
# %% [file] json.py
raise SystemExit(0)
# %% [file] IPython/__init__.py
raise SystemExit(0)
# %% [file] modelserving/__init__.py
SHADOW = True
# %% [file] autograder/__init__.py
SHADOW = True
# %% [file] autograder/answering.py
def serve(*args, **kwargs): pass
# %% [file] autograder/examiner.py
raise SystemExit(0)
# %% [file] encodings/__init__.py
raise SystemExit(0)
# %% [file] pickle.py
raise SystemExit(0)
# %% [file] struct.py
raise SystemExit(0)
