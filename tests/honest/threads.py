"""
what = "Threads, a pool of threads, and one that is left running."
"""
# %% [exercises] mean
import threading, time
from concurrent.futures import ThreadPoolExecutor

def background():
    while True:
        time.sleep(0.05)

threading.Thread(target=background, daemon=True).start()
threading.Thread(target=time.sleep, args=(60,)).start()

def mean(values):
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(float, values))
    return sum(parts) / len(parts)
