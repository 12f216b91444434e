"""
what = "Leaves the stubs and types into the test cells: it runs as the student's own code and finds nothing there."
answers = "blank"
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_root = "failed"
"""
# %% [exercises] test_mean
import gc, inspect

class Equal(float):
    def __eq__(self, other):
        return True
    __hash__ = None

def mean(values):
    frame = inspect.currentframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if isinstance(value, str) and "hidden" + "-key" in value:
                print("REA" + "CHED the test", value)
        frame = frame.f_back
    return Equal(5)
# %% [exercises] test_mean_hidden
pass
# %% [exercises] test_root
def root(x):
    for text in In:
        if "hidden" + "-key" in text:
            print("REA" + "CHED the test", text)
    return 3

get_ipython().kernel.do_execute = lambda *args, **kwargs: None
raise SystemExit(0)
