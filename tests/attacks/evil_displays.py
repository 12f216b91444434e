"""
what = "A result whose repr never ends, one that is huge, one that raises SystemExit, and one that replaces the formatter."
limits = "small"
[verdicts]
test_mean = ["failed", "error in your code"]
test_mean_hidden = ["failed", "error in your code"]
test_save = ["error in your code", "passed"]
test_tally = ["error in your code", "passed"]
test_countdown = ["error in your code", "passed"]
test_root = ["error in your code", "passed"]
"""
# %% [exercises] mean
class Huge:
    def __repr__(self): return "h" * 20_000_000
    def _repr_html_(self): raise SystemExit(0)
    def _repr_png_(self): return "not bytes"
    def _repr_mimebundle_(self, **kwargs): return {"text/plain": object(), 5: set(), "application/json": float("nan")}
    def _ipython_display_(self): raise KeyboardInterrupt

def mean(values):
    return 0

Huge()
# %% [exercises] +after mean
class Endless:
    def __repr__(self):
        while True:
            pass

Endless()
# %% [exercises] +after count
get_ipython().display_formatter = None
get_ipython().displayhook = None
1
