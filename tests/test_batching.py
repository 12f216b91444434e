"""modelserving.batching: who is run with whom, and that each gets their own."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine

import numpy as np
import onnx_models
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving.batching import Batcher, QueueFull, TooLate, rows_are_independent
from modelserving.interpreter import ExecutionError, Interpreter, WrongDatatype, WrongShape
from modelserving.slots import Slots

INLINE = pytest.mark.parametrize("inline", [False, True], ids=["thread", "inline"])


class Recorder(Interpreter):
    """An interpreter that notes the rows and the thread of each run, and waits for ``gate`` where there is one."""

    def __init__(self, content: bytes, gate: threading.Event | None = None) -> None:
        super().__init__(content, name="recorded")
        self.runs: list[int] = []
        self.threads: set[str] = set()
        self.gate = gate

    def run(self, inputs, outputs=None):
        if self.gate:
            assert self.gate.wait(10)
        self.runs.append(max(len(array) for array in inputs.values()))
        self.threads.add(threading.current_thread().name)
        return super().run(inputs, outputs)


def rows(*values: float) -> dict[str, np.ndarray]:
    return {"x": np.array([[v] * 3 for v in values], np.float32)}


def run(work: Callable[[], Coroutine]) -> object:
    return asyncio.run(asyncio.wait_for(work(), 20))


async def trial_done(batcher: Batcher) -> None:
    """Send one request, so that the batcher has tried out whether rows may share a batch."""
    await batcher.submit(rows(0))
    batcher.interpreter.runs.clear()


@INLINE
def test_what_comes_together_runs_together_and_each_gets_their_own(inline):
    async def work():
        batches = []
        model = Recorder(onnx_models.times())
        batcher = Batcher(model, inline=inline, observe=lambda n, seconds: batches.append((n, seconds >= 0)))
        await trial_done(batcher)
        got = await asyncio.gather(*(batcher.submit(rows(*[i] * (1 + i % 3))) for i in range(20)))
        for i, answer in enumerate(got):
            assert np.array_equal(answer["y"], [[2 * i] * 3] * (1 + i % 3))
            assert np.array_equal(answer["total"], [6 * i] * (1 + i % 3))
        assert model.runs == [39]
        assert batches == [(1, True), (39, True)]
        await batcher.close()
        assert batcher.waiting == 0
        return model.threads

    names = run(work)
    assert names == ({"MainThread"} if inline else {"recorded/1"})


def test_what_queues_while_the_model_is_busy_is_the_next_batch():
    async def work():
        gate = threading.Event()
        gate.set()
        model = Recorder(onnx_models.times(), gate)
        batcher = Batcher(model)
        await trial_done(batcher)
        gate.clear()
        first = batcher.submit(rows(1))
        while batcher.waiting:  # until the thread has it
            await asyncio.sleep(0)
        others = []
        for value in (2, 3, 4):
            others.append(batcher.submit(rows(value)))
            await asyncio.sleep(0)
        assert batcher.waiting == 3
        gate.set()
        await asyncio.gather(first, *others)
        assert model.runs == [1, 3]
        await batcher.close()

    run(work)


def test_a_batch_and_the_queue_are_bounded_by_rows():
    async def work():
        gate = threading.Event()
        gate.set()
        model = Recorder(onnx_models.times(), gate)
        batcher = Batcher(model, batch_rows=4, queue_rows=10)
        await trial_done(batcher)
        gate.clear()
        jobs = [batcher.submit(rows(*[i] * n)) for i, n in enumerate((3, 1, 2, 4))]
        with pytest.raises(QueueFull, match="10 rows wait"):
            batcher.submit(rows(1))
        gate.set()
        assert [len(answer["y"]) for answer in await asyncio.gather(*jobs)] == [3, 1, 2, 4]
        assert model.runs == [4, 2, 4]
        large = await batcher.submit(rows(*range(50)))  # more than may ever wait, when nobody waits
        assert len(large["y"]) == 50
        await batcher.close()

    run(work)


@INLINE
def test_what_does_not_fit_never_reaches_a_batch(inline):
    async def work():
        batcher = Batcher(Recorder(onnx_models.times()), inline=inline)
        await trial_done(batcher)
        good = [batcher.submit(rows(1))]
        with pytest.raises(WrongDatatype):
            batcher.submit({"x": np.zeros((1, 3))})
        with pytest.raises(WrongShape):
            batcher.submit({"x": np.zeros((1, 2), np.float32)})
        good.append(batcher.submit(rows(2)))
        assert [answer["total"][0] for answer in await asyncio.gather(*good)] == [6, 12]
        assert batcher.interpreter.runs == [2]
        await batcher.close()

    run(work)


@INLINE
def test_one_request_that_the_model_fails_on_does_not_fail_its_neighbours(inline):
    async def work():
        batcher = Batcher(Interpreter(onnx_models.look_up()), inline=inline)
        await batcher.submit({"place": np.array([0])})
        places = [1, 99, 2, -99, 3]
        jobs = [batcher.submit({"place": np.array([place])}) for place in places]
        got = await asyncio.gather(*jobs, return_exceptions=True)
        assert [answer["value"][0] for answer in got[::2]] == [10, 20, 30]
        assert all(isinstance(failed, ExecutionError) for failed in got[1::2])
        assert np.array_equal((await batcher.submit({"place": np.array([4])}))["value"], [40])
        await batcher.close()

    run(work)


def test_requests_for_different_outputs_share_a_batch():
    async def work():
        model = Recorder(onnx_models.times())
        batcher = Batcher(model)
        await trial_done(batcher)
        wanted = [["y"], None, ["total"], ["total", "y"]]
        got = await asyncio.gather(*(batcher.submit(rows(i), outputs) for i, outputs in enumerate(wanted)))
        assert [list(answer) for answer in got] == [["y"], ["y", "total"], ["total"], ["total", "y"]]
        assert model.runs == [4]
        await batcher.close()

    run(work)


def test_only_equal_widths_are_run_together_where_the_width_is_free():
    async def work():
        model = Recorder(onnx_models.times(width="m"))
        batcher = Batcher(model)
        await trial_done(batcher)
        arrays = [np.full((1, width), i, np.float32) for i, width in enumerate((2, 2, 5, 2))]
        got = await asyncio.gather(*(batcher.submit({"x": array}) for array in arrays))
        assert all(np.array_equal(answer["y"], 2 * array) for answer, array in zip(got, arrays, strict=True))
        assert model.runs == [2, 1, 1]  # in the order in which they came: the last one does not overtake
        await batcher.close()

    run(work)


@pytest.mark.parametrize(
    ("content", "inputs", "want"),
    [
        (onnx_models.times(rows=1), rows(3), [[6, 6, 6]]),
        (onnx_models.share(), {"x": np.array([[3]], np.float32)}, [[0.75]]),
        (onnx_models.nonzero(), {"x": np.array([0, 5], np.float32)}, [[1]]),
    ],
    ids=["fixed batch", "rows that depend on each other", "other rows come out than go in"],
)
def test_models_whose_rows_do_not_stand_alone_are_run_one_by_one(content, inputs, want):
    async def work():
        model = Recorder(content)
        batcher = Batcher(model)
        await batcher.submit(inputs)
        model.runs.clear()
        got = await asyncio.gather(*(batcher.submit(inputs) for _ in range(3)))
        name = model.signature.outputs[0].name
        assert all(np.array_equal(answer[name], want) for answer in got)
        assert len(model.runs) == 3
        await batcher.close()

    run(work)


def test_rows_that_turn_out_not_to_stand_alone_are_run_again_one_by_one():
    """The trial's rows can look independent where others are not."""

    async def work():
        model = Recorder(onnx_models.nonzero())
        batcher = Batcher(model)
        batcher._together = True
        inputs = [{"x": np.array([v, 5], np.float32)} for v in (0, 1, 0)]
        got = await asyncio.gather(*(batcher.submit(each) for each in inputs))
        assert [answer["places"].ravel().tolist() for answer in got] == [[1], [0, 1], [1]]
        assert batcher._together is False
        await batcher.close()

    run(work)


@pytest.mark.parametrize(
    ("content", "independent"),
    [
        (onnx_models.times(), True),
        (onnx_models.times(rows=1), False),
        (onnx_models.share(), False),
        (onnx_models.nonzero(), False),
        (onnx_models.look_up(), True),
        (onnx_models.echo("BYTES", ["n"]), True),
        (onnx_models.echo("BOOL", ["n", "m"]), True),
        (onnx_models.echo("FP32", []), False),
    ],
)
def test_whether_rows_are_independent_is_tried_out(content, independent):
    assert rows_are_independent(Interpreter(content)) is independent


def test_inputs_of_unequal_rows_are_left_to_the_model():
    async def work():
        batcher = Batcher(Interpreter(onnx_models.add()))
        pair = {"a": np.ones((2, 2), np.float32), "b": np.ones((2, 2), np.float32)}
        broadcast = pair | {"b": np.full((1, 2), 5, np.float32)}
        wrong = pair | {"b": np.ones((3, 2), np.float32)}
        await batcher.submit(pair)
        got = await asyncio.gather(*map(batcher.submit, (pair, broadcast, wrong, pair)), return_exceptions=True)
        assert [got[i]["sum"].max() for i in (0, 1, 3)] == [2, 6, 2]
        assert isinstance(got[2], ExecutionError)
        await batcher.close()

    run(work)


def test_no_rows_are_answered_among_others():
    async def work():
        batcher = Batcher(Interpreter(onnx_models.times()))
        got = await asyncio.gather(*map(batcher.submit, (rows(1), {"x": np.empty((0, 3), np.float32)}, rows(2))))
        assert [len(answer["y"]) for answer in got] == [1, 0, 1]
        await batcher.close()

    run(work)


def test_a_fault_that_is_not_the_model_s_ends_nobody_s_thread():
    class Broken(Interpreter):
        def run(self, inputs, outputs=None):
            if inputs["x"].max() > 100:
                raise MemoryError
            return super().run(inputs, outputs)

    async def work():
        batcher = Batcher(Broken(onnx_models.times()))
        await batcher.submit(rows(1))
        got = await asyncio.gather(*map(batcher.submit, (rows(1), rows(101), rows(2))), return_exceptions=True)
        assert [type(answer) for answer in got] == [dict, ExecutionError, dict]
        assert "MemoryError" in str(got[1])
        await batcher.close()

    run(work)


def test_a_caller_who_has_gone_disturbs_nobody():
    async def work():
        batcher = Batcher(Interpreter(onnx_models.times()))
        await batcher.submit(rows(0))
        first, gone, last = (batcher.submit(rows(i)) for i in range(3))
        gone.cancel()
        assert (await first)["total"] == [0]
        assert (await last)["total"] == [12]
        await batcher.close()

    run(work)


@INLINE
def test_closing_waits_for_all_and_a_late_request_is_still_answered(inline):
    async def work():
        before = threading.active_count()
        batcher = Batcher(Interpreter(onnx_models.times()), inline=inline)
        jobs = [batcher.submit(rows(i)) for i in range(5)]
        await asyncio.gather(batcher.close(), batcher.close())
        assert all(job.done() for job in jobs)
        assert (await batcher.submit(rows(7)))["total"] == [42]
        await batcher.close()
        while threading.active_count() > before:
            await asyncio.sleep(0)

    run(work)


def test_the_loop_answers_while_the_model_runs():
    async def work():
        gate = threading.Event()
        batcher = Batcher(Recorder(onnx_models.times(), gate))
        job = batcher.submit(rows(1))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not job.done()
        gate.set()
        await job
        await batcher.close()

    run(work)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(2, 3), st.booleans()), min_size=1, max_size=30), st.booleans())
def test_whoever_shares_a_batch_gets_what_they_would_get_alone(requests, inline):
    model = Interpreter(onnx_models.times(width="m"))
    arrays = [np.random.default_rng(i).normal(size=(n, w)).astype(np.float32) for i, (n, w, _) in enumerate(requests)]

    async def work():
        batcher = Batcher(model, inline=inline, batch_rows=8)
        jobs = []
        for array, (_, _, pause) in zip(arrays, requests, strict=True):
            jobs.append(batcher.submit({"x": array}))
            if pause:
                await asyncio.sleep(0)
        got = await asyncio.gather(*jobs)
        await batcher.close()
        return got

    for array, answer in zip(arrays, run(work), strict=True):
        assert np.array_equal(answer["y"], 2 * array) if len(array) else answer["y"].shape[0] == 0


# Size and wait


def test_a_batch_waits_for_more_until_it_is_full_or_has_waited_long_enough():
    async def work():
        model = Recorder(onnx_models.times())
        batcher = Batcher(model, max_wait=5.0, batch_rows=3)
        batcher._together = True
        jobs = [batcher.submit(rows(i)) for i in range(2)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert (batcher.waiting, model.runs) == (2, [])
        jobs.append(batcher.submit(rows(2)))  # now it is full
        assert [answer["total"][0] for answer in await asyncio.gather(*jobs)] == [0, 6, 12]
        assert model.runs == [3]
        batcher.max_wait = 0.002
        assert (await batcher.submit(rows(7)))["total"] == [42]  # alone, after its wait
        batcher.max_wait = 5.0
        last = batcher.submit(rows(8))
        await asyncio.sleep(0)
        await batcher.close()  # which does not wait
        assert last.result()["total"] == [48]

    run(work)


# Deadlines and cancelled requests


class Busy:
    """A batcher whose model runs one request until ``done`` is called; what comes meanwhile queues."""

    def __init__(self, **options) -> None:
        self.model = Recorder(onnx_models.times(), threading.Event())
        self.model.gate.set()
        self.batcher = Batcher(self.model, **options)

    async def __aenter__(self) -> Busy:
        await self.batcher.submit(rows(0), timeout=60)
        self.model.gate.clear()
        self.model.runs.clear()
        self.first = self.batcher.submit(rows(1), timeout=60)
        while self.batcher.waiting:
            await asyncio.sleep(0)
        return self

    def done(self) -> None:
        self.model.gate.set()

    async def __aexit__(self, *_) -> None:
        self.done()
        await self.batcher.close()


def test_a_request_past_its_deadline_is_answered_at_once_and_never_computed():
    async def work():
        async with Busy() as busy:
            late = busy.batcher.submit(rows(2, 2), timeout=0.01)
            patient = busy.batcher.submit(rows(3), timeout=60)
            with pytest.raises(TooLate, match="before its turn"):
                await late  # while the model is still at work on the first
            assert not busy.first.done()
            assert busy.batcher.waiting == 1
            busy.done()
            assert (await patient)["total"] == [18]
            assert busy.model.runs == [1, 1]
            assert busy.batcher.dropped == {"expired": 1}

    run(work)


def test_the_shorter_of_both_deadlines_counts():
    async def work():
        async with Busy(deadline=0.01) as busy:
            with pytest.raises(TooLate):
                await busy.batcher.submit(rows(2), timeout=60)
            with pytest.raises(TooLate):
                await busy.batcher.submit(rows(2))
            with pytest.raises(TooLate, match="late"):
                await busy.batcher.submit(rows(2), timeout=0)
        assert busy.model.runs == [1]

    run(work)


def test_a_request_that_cannot_make_its_deadline_is_refused_on_arrival():
    async def work():
        async with Busy(batch_rows=4) as busy:
            for n in (2, 4) * 100:
                busy.batcher.pace.observe(n, 0.1 * n)
            jobs = [busy.batcher.submit(rows(i), timeout=60) for i in range(4)]
            assert busy.batcher.delay(4) == pytest.approx(0.8, rel=0.1)
            with pytest.raises(TooLate) as refused:
                busy.batcher.submit(rows(5), timeout=0.5)
            assert refused.value.retry_after == pytest.approx(0.5, rel=0.1)
            jobs.append(busy.batcher.submit(rows(6), timeout=1))
            busy.done()
            await asyncio.gather(*jobs)
            assert busy.batcher.dropped == {"late": 1}

    run(work)


def test_an_idle_model_takes_every_request_so_that_a_wrong_guess_is_corrected():
    async def work():
        batcher = Batcher(Recorder(onnx_models.times()))
        await trial_done(batcher)
        for _ in range(100):
            batcher.pace.observe(1, 1000.0)
        guess, asked = batcher.delay(), 0
        while batcher.delay() > guess / 100:
            asked += 1
            assert (await batcher.submit(rows(asked), timeout=5))["total"] == [6 * asked]
        assert asked < 200
        await batcher.close()

    run(work)


def test_a_batch_takes_no_more_than_half_of_the_time_that_its_requests_have():
    async def work():
        async with Busy() as busy:
            for n in (1, 100) * 100:
                busy.batcher.pace.observe(n, 10.0 * n)
            times = (100, 200, 200, 100, 200, 200, 200, 200, 200)  # 10 s a row: 4 rows within half of 80 s, 8 of 160 s
            jobs = [busy.batcher.submit(rows(i), timeout=t) for i, t in enumerate(times)]
            busy.batcher._ends = 0
            busy.done()
            await asyncio.gather(*jobs)
            assert busy.model.runs[:2] == [1, 4]

    run(work)


def test_where_a_run_takes_long_however_few_its_rows_a_batch_is_not_cut():
    async def work():
        async with Busy() as busy:
            for n in (1, 100) * 100:
                busy.batcher.pace.observe(n, 60.0)
            jobs = [busy.batcher.submit(rows(i), timeout=100) for i in range(9)]
            busy.done()
            await asyncio.gather(*jobs)
            assert busy.model.runs == [1, 9]

    run(work)


@INLINE
def test_cancelled_requests_leave_the_queue(inline):
    async def work():
        async with Busy(queue_rows=4) as busy:
            jobs = [busy.batcher.submit(rows(i, i)) for i in range(2)]
            with pytest.raises(QueueFull):
                busy.batcher.submit(rows(2))
            busy.batcher.withdraw(jobs[0])
            assert busy.batcher.waiting == 2
            jobs.append(busy.batcher.submit(rows(2)))
            jobs[2].cancel()  # noticed when its turn comes
            busy.done()
            assert (await jobs[1])["total"].tolist() == [6, 6]
            await busy.batcher.close()
            busy.batcher.withdraw(jobs[1])  # too late, and no harm
            assert busy.model.runs == [1, 2]
            assert busy.batcher.dropped == {"full": 1, "cancelled": 2}

    run(work)


# Where


def test_what_is_over_soon_runs_in_the_loop_and_what_is_not_in_a_thread():
    async def work():
        model = Recorder(onnx_models.times())
        batcher = Batcher(model, inline=10.0)
        await batcher.submit(rows(0))
        assert model.threads == {"recorded/1"}  # nothing was known yet
        model.threads.clear()
        await batcher.submit(rows(1))
        assert model.threads == {"MainThread"}
        for _ in range(2000):
            batcher.best.observe(1, 20.0)  # it has become slow
        model.threads.clear()
        await batcher.submit(rows(1))
        assert model.threads == {"recorded/1"}
        await batcher.close()

    run(work)


def test_a_batch_in_the_loop_is_cut_so_that_it_is_over_soon():
    async def work():
        model = Recorder(onnx_models.times())
        batcher = Batcher(model, inline=1.0)
        await trial_done(batcher)
        for n in (1, 1000) * 200:
            batcher.best.observe(n, 0.1 * n)
        got = await asyncio.gather(*(batcher.submit(rows(i)) for i in range(25)))
        assert [answer["total"][0] for answer in got] == [6 * i for i in range(25)]
        assert max(model.runs[:2]) <= 10
        await batcher.close()

    run(work)


def test_instances_run_at_once():
    async def work():
        model = Recorder(onnx_models.times(), threading.Event())
        batcher = Batcher(model, instances=3, batch_rows=1)
        batcher._together = True
        jobs = [batcher.submit(rows(i)) for i in range(5)]
        while batcher.waiting > 2:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert batcher.waiting == 2
        model.gate.set()
        assert [answer["total"][0] for answer in await asyncio.gather(*jobs)] == [0, 6, 12, 18, 24]
        await batcher.close()

    run(work)


def test_a_busy_model_does_not_keep_another_waiting_longer_than_a_batch():
    """One slot for two models, and a hundred requests for the first before the second gets one."""
    order = []

    class Named(Recorder):
        def run(self, inputs, outputs=None):
            order.append(self.name)
            return super().run(inputs, outputs)

    async def work():
        slots = Slots(1)
        batchers = []
        for name in ("busy", "quiet"):
            model = Named(onnx_models.times())
            model.name = name
            batchers.append(Batcher(model, batch_rows=1, slots=slots))
            batchers[-1]._together = True
        jobs = [batchers[0].submit(rows(i)) for i in range(100)]
        jobs += [batchers[1].submit(rows(i)) for i in range(3)]
        await asyncio.gather(*jobs)
        assert order[:6] == ["busy", "quiet"] * 3
        assert order[6:] == ["busy"] * 97
        await asyncio.gather(*(batcher.close() for batcher in batchers))
        slots.close()

    run(work)


def test_a_slot_is_handed_on_where_nobody_needs_it_any_more():
    async def work():
        slots = Slots(1)
        first, second = (Batcher(Recorder(onnx_models.times(), threading.Event()), slots=slots) for _ in range(2))
        jobs = [first.submit(rows(1)), second.submit(rows(2))]
        await asyncio.sleep(0)
        second.withdraw(jobs[1])
        jobs[1].cancel()
        first.interpreter.gate.set()
        second.interpreter.gate.set()
        await jobs[0]
        await second.close()
        assert second.interpreter.runs == []
        assert (await second.submit(rows(3)))["total"] == [18]
        assert (await first.submit(rows(3)))["total"] == [18]
        slots.close()

    run(work)


# Everything at once


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    inline=st.sampled_from([False, True, 0.001]),
    batch_rows=st.sampled_from([1, 7, 64]),
    max_wait=st.sampled_from([0.0, 0.002]),
    instances=st.sampled_from([1, 3]),
)
def test_of_thousands_of_interleaved_requests_each_gets_its_own_answer_or_is_told_why_not(
    seed, inline, batch_rows, max_wait, instances
):
    """Callers of all kinds: patient, hurried, gone, wrong. Every request ends, and what it gets is its own."""
    random = np.random.default_rng(seed)
    model = Recorder(onnx_models.look_up())
    fates: Counter[str] = Counter()

    async def caller(batcher: Batcher, number: int) -> None:
        await asyncio.sleep(float(random.random()) * 0.02)
        places = random.integers(0, 5, size=random.integers(1, 4))
        wrong = random.random() < 0.05
        if wrong:
            places[0] = 99
        timeout = None if random.random() < 0.5 else float(random.random()) * 0.01
        try:
            reply = batcher.submit({"place": places}, timeout=timeout)
            if random.random() < 0.1:
                batcher.withdraw(reply)
                reply.cancel()
            answer = (await reply)["value"]
        except ExecutionError:
            assert wrong
            fates["failed"] += 1
        except asyncio.CancelledError:
            fates["cancelled"] += 1
        except QueueFull:
            fates["full"] += 1
        except TooLate as refused:
            fates["late"] += timeout is not None and refused.retry_after >= 0
        else:
            assert not wrong
            assert np.array_equal(answer, 10 * places), number
            fates["answered"] += 1

    async def work() -> None:
        batcher = Batcher(
            model, inline=inline, batch_rows=batch_rows, queue_rows=300, max_wait=max_wait, instances=instances
        )
        await asyncio.gather(*(caller(batcher, number) for number in range(1000)))
        await batcher.close()
        assert batcher.waiting == 0
        assert fates.total() == 1000
        assert fates["answered"] > 0
        dropped = batcher.dropped
        assert dropped["full"] == fates["full"]
        assert dropped["late"] + dropped["expired"] == fates["late"]

    run(work)
    assert max(model.runs) <= max(batch_rows, 3)
