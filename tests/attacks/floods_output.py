"""
what = "Thirty megabytes in one line, two hundred thousand prints, a giant display, endless output in the test."
row = "30 MB in one line, 200,000 prints"
[verdicts]
test_mean = ["failed", "out of time"]
test_mean_hidden = ["failed", "out of time"]
"""
# %% [exercises] mean
import sys
from IPython.display import HTML, display

print("x" * 30_000_000)
display(HTML("y" * 30_000_000))

def mean(values):
    for number in range(20_000):
        print(number, flush=True)
    sys.stderr.write("z" * 20_000_000)
    return 0
# %% [exercises] +after mean
for number in range(200_000):
    print(number)
# %% [exercises] +after scale
import os
for number in range(2_000):
    os.write(1, b"w" * 10_000)
    os.write(2, b"w" * 10_000)
