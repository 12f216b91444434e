"""
student = "tamara"
kind = "wrong"
what = "Stops waiting after the time-out and leaves the request under way."
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
            request = asyncio.ensure_future(send(i))
            status = await asyncio.wait_for(asyncio.shield(request), start + due + timeout - clock())
            line["outcome"] = "ok" if status == 200 else f"status {status}"
        except TimeoutError:
            line["outcome"] = "error" if request.done() else "timeout"
        except Exception:
            line["outcome"] = "error"
        return line | {"done": clock() - start}

    tasks = []
    for i, due in enumerate(schedule):
        await asyncio.sleep(max(0.0, start + due - clock()))
        tasks.append(asyncio.create_task(one(i, due)))
    return await asyncio.gather(*tasks)
