"""
what = "Removes its folder under its feet, puts links and pipes in the place of files that a test reads."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
test_save = ["failed", "error in your code", "out of time"]
"""
# %% [exercises] mean
def mean(values):
    return 0
# %% [exercises] save
import os, shutil

def save(values):
    os.mkfifo("other")
    os.symlink("other", "numbers.txt")
# %% [exercises] +after save
for name in os.listdir("."):
    try:
        os.unlink(name)
    except OSError:
        pass
here = os.getcwd()
os.chdir("/")
shutil.rmtree(here, ignore_errors=True)
try:
    os.symlink("@COURSE@", here)
except OSError:
    pass
