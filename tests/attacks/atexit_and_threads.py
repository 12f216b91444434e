"""
what = "atexit handlers, finalizers, threads and tasks that outlive their cell, change names, and go on for ever."
[verdicts]
test_mean = ["failed", "error in your code"]
test_mean_hidden = ["failed", "error in your code"]
test_scale = ["error in your code", "passed"]
"""
# %% [exercises] mean
import asyncio, atexit, threading, time, weakref

def forever():
    while True:
        time.sleep(0.01)
        try:
            open("@LOOT@/late", "w").close()
        except OSError:
            pass

atexit.register(forever)
weakref.finalize(threading, forever)
threading.Thread(target=forever).start()

def swap():
    namespace = get_ipython().user_ns
    while True:
        namespace["math"] = namespace["LIMIT"] = type("Yes", (), {"isclose": lambda *a: True, "__eq__": lambda *a: True})()
        time.sleep(0.001)

threading.Thread(target=swap, daemon=True).start()

async def spin():
    while True:
        await asyncio.sleep(0)

task = asyncio.ensure_future(spin())

class Deathless:
    def __del__(self):
        forever()

deathless = [Deathless()]
deathless.append(deathless)

def mean(values):
    return 0
