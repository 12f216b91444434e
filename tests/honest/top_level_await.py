"""
what = "Awaits at the top of a cell, and leaves a task behind."
"""
# %% [exercises] mean
import asyncio

async def later(x):
    await asyncio.sleep(0.01)
    return x

n = await later(3)
both = await asyncio.gather(later(1), later(2))
task = asyncio.create_task(later(5))

def mean(values):
    return sum(values) / len(values) + both[0] - 1
# %% [exercises] +after mean
assert await task == 5
async with asyncio.timeout(1):
    await later(1)
