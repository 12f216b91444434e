"""
what = "Returns an object that is equal to everything, true, near everything, and of every class."
row = "returns an object whose `__eq__` is always true; lying `__repr__`, `__len__`, `__class__`"
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_scale = "error in your code"
test_count = "error in your code"
test_tally = ["error in your code", "failed"]
"""
# %% [exercises] mean
class Yes:
    __class__ = float

    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __bool__(self): return True
    def __len__(self): return 3
    def __hash__(self): return 0
    def __float__(self): return 1.0
    def __index__(self): return 2
    def __abs__(self): return self
    def __sub__(self, other): return self
    __add__ = __rsub__ = __mul__ = __sub__
    def __iter__(self): return iter([])
    def __contains__(self, item): return True
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __repr__(self): return "2"
    def __array__(self, *args, **kwargs): raise KeyboardInterrupt

def mean(values):
    return Yes()
# %% [exercises] scale
def scale(values, top):
    return Yes()
# %% [exercises] count
def count(values):
    return Yes()
# %% [exercises] tally
class Tally:
    def add(self, word):
        return Yes()

    def most(self):
        return Yes()

    counts = Yes()
