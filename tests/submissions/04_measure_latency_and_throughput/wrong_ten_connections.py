"""
student = "nadja"
kind = "wrong"
what = "Has ten requests under way at most; the others wait in the client until there is a place."
[loses]
test_open_loop_freeze = 2
test_open_loop_failures = 2
"""
# %% [exercises] open_loop
async def open_loop(send, schedule, timeout):
    clock = asyncio.get_running_loop().time
    start = clock()

    places = asyncio.Semaphore(10)

    async def one(i, due):
        async with places:
            return await place(i, due)

    async def place(i, due):
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
        tasks.append(asyncio.create_task(one(i, due)))
    return await asyncio.gather(*tasks)
