"""
student = "paula"
kind = "wrong"
what = "Writes down the moment of sending as the one when a request was due."
[loses]
test_open_loop = 1
test_open_loop_freeze = 2
test_open_loop_late = 1
"""
# %% [exercises] open_loop
async def open_loop(send, schedule, timeout):
    clock = asyncio.get_running_loop().time
    start = clock()

    async def one(i, due):
        sent = clock() - start
        line = {"due": sent, "sent": sent}
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
        tasks.append(asyncio.create_task(one(i, due)))
    return await asyncio.gather(*tasks)
