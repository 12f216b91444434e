"""
student = "omar"
kind = "wrong"
what = "Sleeps for the gap after each request, so that the time for sending adds up."
[loses]
test_open_loop_freeze = 2
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

    tasks, before = [], 0.0
    for i, due in enumerate(schedule):
        await asyncio.sleep(due - before)
        before = due
        tasks.append(asyncio.create_task(one(i, due)))
    return await asyncio.gather(*tasks)
