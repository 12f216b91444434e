"""
what = "Tries to become root, mount, leave its root, make devices, trace its parent, load modules and look outside."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import ctypes, os, shutil, subprocess

def reached(what):
    print("reached".upper(), what)

libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid() == 0 or os.getuid() == 0:
    reached("root")
else:
    for act in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.chroot("/"), lambda: os.setgroups([0])):
        try:
            act()
            reached("privilege")
        except OSError:
            pass
    for name, act in {
        "unshare user": lambda: libc.unshare(0x10000000),
        "unshare mount": lambda: libc.unshare(0x20000),
        "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        "umount": lambda: libc.umount2(b"/proc", 2),
        "ptrace parent": lambda: libc.ptrace(16, os.getppid(), 0, 0),
        "mknod": lambda: libc.mknod(b"disk", 0o60666, 0x800),
        "swapoff": lambda: libc.swapoff(b"/nowhere"),
    }.items():
        if act() == 0:
            reached(name)
    for tool in ("sudo", "su", "mount", "unshare", "newuidmap", "pkexec"):
        path = shutil.which(tool)
        if path and tool == "sudo" and subprocess.run([path, "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0:
            reached(tool)
        if path and tool == "unshare" and subprocess.run([path, "-Urmpf", "true"], stderr=subprocess.DEVNULL).returncode == 0:
            reached(tool)
for pid in {os.getppid(), 1} - {os.getpid()}:
    try:
        open(f"/proc/{pid}/mem", "r+b").close()
        reached(f"memory of another process")
    except OSError:
        pass
    try:
        open(f"/proc/{pid}/environ", "rb").read()
        os.readlink(f"/proc/{pid}/exe")
        os.listdir(f"/proc/{pid}/fd")
        reached("another process")
    except OSError:
        pass

def mean(values):
    return 0
