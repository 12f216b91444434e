"""
what = "Exceptions whose text, name, bases, arguments and traceback run code, never end, lie or are huge."
limits = "small"
[verdicts]
test_mean = ["error in your code", "out of time", "crashed"]
test_mean_hidden = ["error in your code", "out of time", "crashed"]
test_scale = ["error in your code", "out of time", "crashed"]
test_count = ["error in your code", "out of memory", "out of time", "crashed", "not attempted"]
test_tally = ["error in your code", "not attempted"]
test_root = ["error in your code", "failed"]
"""
# %% [exercises] mean
class Endless(Exception):
    def __str__(self):
        while True:
            pass

def mean(values):
    raise Endless
# %% [exercises] scale
class Meta(type):
    def mro(cls):
        return [cls, AssertionError, Exception, BaseException, object]
    __name__ = property(lambda cls: "AssertionError")
    __instancecheck__ = lambda cls, other: True

class Lying(AssertionError, metaclass=Meta):
    args = property(lambda self: (self,))
    __traceback__ = None
    def __getattribute__(self, name):
        raise Lying()

def scale(values, top):
    raise Lying("passed")
# %% [exercises] count
def count(values):
    problem = ValueError("x" * 50_000_000)
    for _ in range(100_000):
        problem = ExceptionGroup("y", [problem])
    raise problem
# %% [exercises] tally
class Tally:
    def add(self, word):
        raise NotImplementedError("\x00\x1b[2J" + chr(0xD800) + "\u202e" * 1000)
# %% [exercises] root
class ValueError(BaseException):
    pass

def root(x):
    if x < 0:
        raise ValueError
    return x**0.5
