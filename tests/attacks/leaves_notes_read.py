"""
what = "Looks for notes that somebody before it left, and for other members' processes and folders."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import ctypes, glob, os, socket, tempfile

def reached(what):
    print("reached".upper(), what)

for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/dev/mqueue", tempfile.gettempdir(), os.path.dirname(os.getcwd())):
    if os.path.exists(f"{folder}/note-from-a-classmate"):
        reached(folder)
libc = ctypes.CDLL(None)
for name in ("shmget", "msgget", "semget"):
    if getattr(libc, name)(0x77777, 0, 0) >= 0:
        reached(name)
try:
    socket.socket(socket.AF_UNIX).connect("\0note-from-a-classmate")
    reached("abstract socket")
except OSError:
    pass
for pattern in ("/tmp/*", "/tmp/*/*", "/home/*", "/dev/shm/*", "../*"):
    for path in glob.glob(pattern):
        if any(word in path for word in ("work-", "exam-", "grade-", "course", "submitted")):
            reached(path)
for pid in os.listdir("/proc"):
    if pid.isdigit():
        try:
            line = open(f"/proc/{pid}/cmdline").read()
        except OSError:
            continue
        if "attack_class" in line or "pytest" in line:
            reached("the grader's processes")
            break

def mean(values):
    return 0
