"""
student = "selim"
kind = "wrong"
what = "Waits for every answer, however long it takes."
[loses]
test_open_loop_failures = 2
test_open_loop_late = 1
"""
# %% [exercises] open_loop
async def open_loop(send, schedule, timeout):
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def one(i, due):
        sent = loop.time() - start
        try:
            status = await send(i)
            outcome = "ok" if status == 200 else f"status {status}"
        except Exception:
            outcome = "error"
        return {"due": due, "sent": sent, "done": loop.time() - start, "outcome": outcome}

    tasks = []
    for i, due in enumerate(schedule):
        await asyncio.sleep(max(0.0, start + due - loop.time()))
        tasks.append(asyncio.create_task(one(i, due)))
    return [await task for task in tasks]
