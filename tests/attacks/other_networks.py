"""
what = "Asks for raw packets, netlink, vsock and Bluetooth, and for another network's namespace."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import ctypes, os, socket

def reached(what):
    print("reached".upper(), what)

for family, kind in ((17, 3), (2, 3), (40, 1), (31, 3), (38, 5), (44, 3), (29, 3)):
    try:
        socket.socket(family, kind).close()
        reached(f"socket family {family}")
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, os.getppid()):
    for kind in ("net", "mnt", "pid", "user"):
        try:
            handle = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        except OSError:
            continue
        same = os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}")
        if libc.setns(handle, 0) == 0 and not same:
            reached(f"the {kind} namespace of {pid}")
with open("/proc/net/tcp") if os.path.exists("/proc/net/tcp") else open(os.devnull) as file:
    if f":{@PORT@:04X}" in file.read():
        reached("the list of the host's connections")

def mean(values):
    return 0
