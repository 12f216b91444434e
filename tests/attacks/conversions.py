"""
what = "Objects that run code when they are turned into numbers, arrays, text, copies, pickles or displays."
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_scale = ["error in your code", "failed"]
test_count = "error in your code"
"""
# %% [exercises] mean
import os

def reach(*args, **kwargs):
    try:
        os.stat("@COURSE@/gradebook.db")
        print("reached".upper(), "conversion")
    except OSError:
        pass
    return 2

class Acts:
    __float__ = __index__ = __int__ = __array__ = __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = reach
    __getstate__ = __iter__ = __len__ = __hash__ = __format__ = __array_ufunc__ = __array_interface__ = reach
    __eq__ = __bool__ = __radd__ = __rsub__ = __rmul__ = __rtruediv__ = reach
    def __del__(self): reach()

def mean(values):
    return Acts()
# %% [exercises] scale
def scale(values, top):
    return [Acts(), Acts()]
# %% [exercises] count
def count(values):
    return {"a": Acts(), "b": Acts()}
