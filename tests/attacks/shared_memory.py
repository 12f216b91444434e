"""
what = "Takes memory where limits may not look: shared mappings, /dev/shm, memfd, the scratch folder, pipes' buffers."
[verdicts]
test_mean = ["out of memory", "out of time", "crashed", "failed", "error in your code"]
test_mean_hidden = ["out of memory", "out of time", "crashed", "failed", "error in your code"]
"""
# %% [exercises] mean
import mmap, os

taken = 0
maps = []

def fill(handle, most):
    done = 0
    block = b"x" * (1 << 20)
    try:
        while done < most:
            done += os.write(handle, block)
    except OSError:
        pass
    return done

for name in ("/dev/shm/a", "big1", "big2", "big3", "big4", "/tmp/big"):
    try:
        taken += fill(os.open(name, os.O_RDWR | os.O_CREAT), 300 << 20)
    except OSError:
        pass
try:
    taken += fill(os.memfd_create("a"), 300 << 20)
except OSError:
    pass
try:
    for _ in range(5):
        maps.append(mmap.mmap(-1, 300 << 20))
        for place in range(0, 300 << 20, 4096):
            maps[-1][place] = 1
        taken += 300 << 20
except (OSError, MemoryError):
    pass
print("took", "more than three gigabytes" if taken > 3 << 30 else "less")

def mean(values):
    return 0
