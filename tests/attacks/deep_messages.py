"""
what = "Messages to the grader nested a hundred thousand deep, with numbers of a million digits, and of four gigabytes."
[verdicts]
test_mean = ["failed", "error in your code", "crashed", "out of time"]
test_mean_hidden = ["failed", "error in your code", "crashed", "out of time"]
test_scale = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_count = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_save = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_tally = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_countdown = ["passed", "failed", "error in your code", "crashed", "out of time"]
test_root = ["passed", "failed", "error in your code", "crashed", "out of time"]
"""
# %% [exercises] mean
import os, stat, struct

def send(data, head=None):
    for handle in range(3, 300):
        try:
            if stat.S_ISSOCK(os.fstat(handle).st_mode):
                os.write(handle, struct.pack("<I", head or len(data)) + data)
        except OSError:
            pass

send(b"[" * 100_000)

def mean(values):
    send(b'{"done": {}, "number": ' + b"9" * 1_000_000 + b"}")
    return 0
# %% [exercises] scale
def scale(values, top):
    send(b"x" * 10_000_000, 0xFFFFFFFF)
    return [top * v / max(values) for v in values]
# %% [exercises] count
def count(values):
    send(b'{"msg_type": "display_data", "content": {"data": {"application/json": ' + b"[" * 900 + b"]" * 900 + b'}, "metadata": {}}}')
    return {v: list(values).count(v) for v in values}
