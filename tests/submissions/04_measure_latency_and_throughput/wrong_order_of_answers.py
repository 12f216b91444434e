"""
student = "urs"
kind = "wrong"
what = "Writes the log in the order in which requests end."
[loses]
test_open_loop_failures = 2
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
        log.append(line | {"done": clock() - start})

    tasks, log = [], []
    for i, due in enumerate(schedule):
        await asyncio.sleep(max(0.0, start + due - clock()))
        tasks.append(asyncio.create_task(one(i, due)))
    await asyncio.gather(*tasks)
    return log
