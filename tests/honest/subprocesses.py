"""
what = "Runs commands: subprocess, !ls, %%bash, os.system, and a pool of processes."
"""
# %% [exercises] mean
import os, subprocess, sys
out = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True).stdout
assert out == "42\n"
os.system("echo hello > greeting.txt")
listing = !ls
assert "greeting.txt" in listing
!echo from the shell

def mean(values):
    assert subprocess.check_output(["echo", "x"], text=True).strip() == "x"
    return sum(values) / len(values)
# %% [exercises] +after mean
%%bash
for i in 1 2 3; do echo $i; done
# %% [exercises] scale
from concurrent.futures import ProcessPoolExecutor
import math

def scale(values, top):
    with ProcessPoolExecutor(2) as pool:
        roots = list(pool.map(math.sqrt, [4, 9]))
    assert roots == [2, 3]
    return [top * v / max(values) for v in values]
