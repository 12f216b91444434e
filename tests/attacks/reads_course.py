"""
what = "Opens the source, the key, the gradebook and everybody's work, by every path it can think of, and writes to them."
row = "opens `../../../source/…`, the gradebook, another's submission"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import glob, os, sqlite3
from pathlib import Path

def reached(what):
    print("reached".upper(), what)

tops = ["@COURSE@", "/proc/1/root@COURSE@", f"/proc/{os.getppid()}/root@COURSE@", f"/proc/{os.getppid()}/cwd", "../../..",
        "/proc/self/root@COURSE@", "../../../..@COURSE@", "@COURSE@/../" + os.path.basename("@COURSE@")]
for top in tops:
    for name in ("source/01_small/exercises.ipynb", "gradebook.db", "autograder/questions/01_small.toml", "nbgrader_config.py"):
        try:
            Path(top, name).read_bytes()
            reached(name)
        except OSError:
            pass
    for path in glob.glob(f"{top}/submitted/*/*/*.ipynb") + glob.glob(f"{top}/autograded/*/*/*.ipynb"):
        reached(path)
        break
    try:
        with sqlite3.connect(f"file:{top}/gradebook.db?mode=rw", uri=True, timeout=1) as book:
            book.execute("update grade set manual_score = 99")
            book.execute("create table attack_was_here (x)")
        reached("the grades")
    except sqlite3.Error:
        pass
    for folder in ("source/01_small", "submitted", "autograded", "."):
        try:
            Path(top, folder, "attack_was_here").write_text("x")
            reached(folder)
        except OSError:
            pass
try:
    Path("@LOOT@", "reads_course").write_text("x")
    reached("a folder of the host")
except OSError:
    pass

def mean(values):
    return 0
