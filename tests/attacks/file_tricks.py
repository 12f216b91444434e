"""
what = "The file that a test reads is a link to the course, to memory, to a device, then a giant."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
test_save = ["failed", "error in your code", "out of time", "out of memory"]
"""
# %% [exercises] mean
import os

def links():
    for target in ("@COURSE@/gradebook.db", "@COURSE@/source/01_small/exercises.ipynb", "/proc/1/environ", "/etc/shadow"):
        try:
            if os.path.lexists("numbers.txt"):
                os.unlink("numbers.txt")
            os.symlink(target, "numbers.txt")
            open("numbers.txt", "rb").read()
            if "/tmp/" in target:
                print("reached".upper(), target)
        except OSError:
            pass

links()

def mean(values):
    return 0
# %% [exercises] save
import os

def save(values):
    if os.path.lexists("numbers.txt"):
        os.unlink("numbers.txt")
    if len(values) == 3:
        with open("numbers.txt", "wb") as file:
            file.truncate(250 << 20)
