"""
what = "Fills the buffers of thousands of sockets, in many processes: memory that belongs to no process."
[verdicts]
test_mean = "out of memory"
test_mean_hidden = "out of memory"
"""
# %% [exercises] mean
import os, socket, time

def fill():
    pairs = []
    try:
        while True:
            one, other = socket.socketpair()
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            pairs += one, other
            while True:
                try:
                    one.send(bytes(60_000))
                except BlockingIOError:
                    break
    except OSError:
        time.sleep(600)

def mean(values):
    children = []
    for _ in range(60):
        pid = os.fork()
        if pid == 0:
            try:
                fill()
            finally:
                os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return 0
