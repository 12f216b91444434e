"""
student = "marek"
kind = "wrong"
what = "Waits for each answer before it sends what is due next: a closed loop posing as an open one."
[loses]
test_open_loop = 1
test_open_loop_freeze = 2
test_open_loop_failures = 2
test_open_loop_late = 1
"""
# %% [exercises] open_loop
async def open_loop(send, schedule, timeout):
    clock = asyncio.get_running_loop().time
    start = clock()

    async def one(i, due):
        line = {"due": due, "sent": clock() - start}
        try:
            async with asyncio.timeout_at(start + due + timeout) as limit:
                status = await send(i)
            line["outcome"] = "ok" if status == 200 else f"status {status}"
        except TimeoutError:
            line["outcome"] = "timeout" if limit.expired() else "error"
        except Exception:
            line["outcome"] = "error"
        return line | {"done": clock() - start}

    tasks = []
    for i, due in enumerate(schedule):
        await asyncio.sleep(max(0.0, start + due - clock()))
        tasks.append(await one(i, due))
    return tasks
