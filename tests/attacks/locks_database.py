"""
what = "A detached child opens the gradebook and holds its lock."
row = "holds the database lock in a detached child"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import subprocess, sys, time

code = '''
import os, sqlite3, sys, time
if os.fork() or os.setsid() or os.fork():
    os._exit(0)
try:
    book = sqlite3.connect("file:@COURSE@/gradebook.db?mode=rw", uri=True, timeout=1, isolation_level=None)
    book.execute("begin exclusive")
    open("@LOOT@/lock", "w").write("x")
except Exception:
    pass
time.sleep(30)
'''
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
time.sleep(1)

def mean(values):
    return 0
