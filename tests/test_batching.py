"""modelserving.batching: who is run with whom, and that each gets their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine

import numpy as np
import onnx_models
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving.batching import Batcher, QueueFull, rows_are_independent
from modelserving.interpreter import ExecutionError, Interpreter, WrongDatatype, WrongShape

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
