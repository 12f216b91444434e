"""
what = "Half characters, NULs, terminal codes and NaN in prints, displays, exceptions and results, by ordinary means."
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_count = "failed"
"""
# %% [exercises] mean
import sys
from IPython.display import display

odd = chr(0xD800) + chr(0) + "\x1b[2J\x1b]0;title\x07" + chr(0x202E) + chr(0xFFFF)
print(odd)
print(odd, file=sys.stderr)
display({"text/plain": odd, "text/html": odd, "application/json": {"a": float("nan"), "b": odd}, odd: odd}, raw=True,
        metadata={odd: float("inf")}, display_id=odd)

def mean(values):
    raise type("Odd" + odd.replace(chr(0), ""), (Exception,), {})(odd)
# %% [exercises] count
def count(values):
    return {odd: odd}
# %% [exercises] +after count
raise ValueError(odd)
