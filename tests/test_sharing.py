"""A shared accelerator: the simulation against theory and against the recording, and a real core that is shared."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving import load, one_core, sharing
from modelserving.one_core import Work
from modelserving.sharing import (
    GPU,
    Closed,
    Device,
    Exclusive,
    InTurn,
    InvalidRecording,
    Partitions,
    Streams,
    Tenant,
    TimeSlices,
    simulate,
)

ROOT = Path(__file__).parents[1]
PLAIN = Device("no losses", memory=100, slice=0.001, switch=0.0, overlap=0.0)
SHARED = (InTurn(), TimeSlices(), Streams(), Partitions())
EVERY = (Exclusive(), *SHARED)

pinned = pytest.mark.skipif(not hasattr(psutil.Process, "cpu_affinity"), reason="this system pins no process to a core")


def load_recorder():
    """``tools/record_sharing.py`` as a module; ``tools`` is not a package."""
    spec = importlib.util.spec_from_file_location("record_sharing", ROOT / "tools" / "record_sharing.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def at(*moments):
    return np.array(moments, dtype=float)


# --- small cases, by hand


def test_alone_a_request_takes_its_time_and_waits_for_its_own_kind():
    one = Tenant("one", 0.5, arrivals=at(0, 0.1, 5))
    for strategy in (*EVERY, Partitions({"one": 1.0})):
        np.testing.assert_allclose(simulate(PLAIN, strategy, [one], 10).latency["one"], [0.5, 0.9, 0.5])


def test_one_process_answers_first_come_first_served_and_ends_what_it_began():
    long, short = Tenant("long", 1.0, arrivals=at(0, 0.2)), Tenant("short", 0.1, arrivals=at(0.1, 0.3))
    found = simulate(PLAIN, InTurn(), [long, short], 10).latency
    np.testing.assert_allclose(found["short"], [1.0, 1.9])  # ends at 1.1 and, after the second long one, at 2.2
    np.testing.assert_allclose(found["long"], [1.0, 1.9])


def test_time_slices_let_a_short_request_pass_a_long_one():
    long, short = Tenant("long", 1.0, arrivals=at(0)), Tenant("short", 0.1, arrivals=at(0.05))
    found = simulate(replace(PLAIN, slice=0.01), TimeSlices(), [long, short], 10).latency
    np.testing.assert_allclose(found["short"], [0.2], atol=0.011)  # half of the device
    np.testing.assert_allclose(found["long"], [1.1])


def test_a_slice_is_as_long_as_it_is():
    two = [Tenant("a", 0.2, arrivals=at(0)), Tenant("b", 0.2, arrivals=at(0))]
    found = simulate(replace(PLAIN, slice=0.1), TimeSlices(), two, 10).latency
    np.testing.assert_allclose([found["a"][0], found["b"][0]], [0.3, 0.4])


def test_a_change_of_context_costs_time_and_staying_costs_none():
    costly = replace(PLAIN, slice=0.1, switch=0.01)
    two = [Tenant("a", 0.2, arrivals=at(0)), Tenant("b", 0.2, arrivals=at(0))]
    found = simulate(costly, TimeSlices(), two, 10).latency
    np.testing.assert_allclose([found["a"][0], found["b"][0]], [0.33, 0.44])  # three and four slices, each bought
    alone = simulate(costly, TimeSlices(), [two[0]], 10).latency["a"]
    np.testing.assert_allclose(alone, [0.21])


def test_streams_fit_side_by_side_until_the_device_is_full():
    narrow = [Tenant(name, 1.0, width=0.5, arrivals=at(0)) for name in "ab"]
    wide = [Tenant(name, 1.0, width=1.0, arrivals=at(0)) for name in "ab"]
    assert [v[0] for v in simulate(PLAIN, Streams(), narrow, 10).latency.values()] == pytest.approx([1, 1])
    assert [v[0] for v in simulate(PLAIN, Streams(), wide, 10).latency.values()] == pytest.approx([2, 2])
    hindered = simulate(replace(PLAIN, overlap=0.25), Streams(), narrow, 10).latency
    assert [v[0] for v in hindered.values()] == pytest.approx([1.25, 1.25])


def test_time_slices_waste_the_width_that_a_request_cannot_use():
    narrow = [Tenant(name, 0.01, width=0.25) for name in "abcd"]
    sliced, streamed = (simulate(PLAIN, how, narrow, 10) for how in (TimeSlices(), Streams()))
    assert sliced.utilisation == pytest.approx(0.25, rel=0.01)
    assert streamed.utilisation == pytest.approx(1.0, rel=0.01)
    assert sum(streamed.throughput.values()) == pytest.approx(4 * sum(sliced.throughput.values()), rel=0.02)


def test_a_partition_slows_down_only_what_is_wider():
    two = [Tenant("narrow", 1.0, width=0.25, arrivals=at(0)), Tenant("wide", 1.0, arrivals=at(0))]
    found = simulate(PLAIN, Partitions({"narrow": 0.25, "wide": 0.5}), two, 10).latency
    assert (found["narrow"][0], found["wide"][0]) == pytest.approx((1.0, 2.0))


# --- properties


@st.composite
def tenants(draw):
    """One to four tenants with arrivals of any kind."""
    found = []
    for i in range(draw(st.integers(1, 4))):
        coming = st.lists(st.floats(0, 4.9), max_size=12).map(lambda moments: at(*sorted(moments)))
        closed = st.builds(Closed, st.integers(1, 3), st.sampled_from([0.0, 0.05]))
        seconds, width = draw(st.floats(0.01, 0.5)), draw(st.floats(0.1, 1))
        found.append(Tenant(f"t{i}", seconds, width, draw(st.integers(0, 60)), draw(coming | closed)))
    return found


DEVICES = st.builds(
    Device, st.just("any"), st.just(100), st.floats(1e-3, 0.1), st.sampled_from([0, 1e-4, 1e-2]), st.floats(0, 0.5)
)


@settings(deadline=None)
@given(tenants(), DEVICES, st.sampled_from(EVERY))
def test_nothing_is_lost_and_nobody_gets_more_than_there_is(several, device, strategy):
    found = simulate(device, strategy, several, 5.0)
    assert 0 <= found.utilisation <= 1 + 1e-9
    for tenant in several:
        answered = found.latency[tenant.name]
        assert (answered >= tenant.seconds * (1 - 1e-6)).all()  # nothing is faster than alone
        if not isinstance(tenant.arrivals, Closed):
            told = len(answered) + found.refused[tenant.name] + found.unanswered[tenant.name]
            assert told == len(tenant.arrivals)
        assert found.throughput[tenant.name] * tenant.seconds <= 1 + 1e-9  # its requests run one after another


@settings(deadline=None, max_examples=30)
@given(tenants(), DEVICES, st.sampled_from(EVERY))
def test_equal_arguments_give_equal_outcomes(several, device, strategy):
    first, second = (simulate(device, strategy, several, 2.0, seed=5) for _ in range(2))
    for name, values in first.latency.items():
        np.testing.assert_array_equal(values, second.latency[name])


@settings(deadline=None, max_examples=30)
@given(tenants(), DEVICES, st.sampled_from([Exclusive(), Partitions()]))
def test_in_a_device_or_partition_of_ones_own_neighbours_are_not_felt(several, device, strategy):
    several = [replace(tenant, memory=0, arrivals=load.poisson(5, 4, seed=1)) for tenant in several]
    quiet = [several[0], *(replace(tenant, arrivals=at()) for tenant in several[1:])]
    loud, calm = (simulate(device, strategy, group, 5.0).latency["t0"] for group in (several, quiet))
    np.testing.assert_allclose(loud, calm)


# --- theory


def test_a_queue_of_equal_requests_waits_as_pollaczek_and_khinchine_say():
    """M/D/1: with half of the time used a request waits half a service time on average, with 0.8 twice."""
    for used in (0.5, 0.8):
        one = Tenant("one", 0.01, arrivals=load.poisson(used / 0.01, 500, seed=4))
        mean = simulate(PLAIN, InTurn(), [one], 500).latency["one"].mean()
        assert mean == pytest.approx(0.01 + 0.01 * used / (2 * (1 - used)), rel=0.1)


def test_thin_slices_are_processor_sharing():
    """Two that share evenly: each is as slow as on half of the device, whatever the order."""
    two = [Tenant("a", 0.1), Tenant("b", 0.1)]
    sliced = simulate(replace(PLAIN, slice=1e-3), TimeSlices(), two, 20)
    streamed = simulate(PLAIN, Streams(), two, 20)
    halves = simulate(PLAIN, Partitions(), two, 20)
    for found in (sliced, streamed, halves):
        assert list(found.throughput.values()) == pytest.approx([5, 5], abs=0.1)
        assert np.median(found.latency["a"]) == pytest.approx(0.2, rel=0.01)


def test_little_holds_for_closed_clients():
    """Three clients that think 0.2 s: all of them either think or wait, so N = X (R + Z)."""
    one = Tenant("one", 0.05, arrivals=Closed(3, 0.2))
    found = simulate(PLAIN, InTurn(), [one], 2000, seed=2)
    assert found.throughput["one"] * (found.latency["one"].mean() + 0.2) == pytest.approx(3, rel=0.03)


def test_a_noisy_neighbour_hurts_most_in_one_queue_and_not_at_all_in_a_partition():
    quiet = Tenant("quiet", 0.004, width=0.3, arrivals=load.poisson(50, 60, seed=1))
    noisy = Tenant("noisy", 0.08, arrivals=Closed(2))
    alone = simulate(GPU, Exclusive(), [quiet], 60).percentile("quiet", 99)
    cut = Partitions({"quiet": 0.3, "noisy": 0.7})
    in_turn, sliced, partition = (
        simulate(GPU, how, [quiet, noisy], 60).percentile("quiet", 99) for how in (InTurn(), TimeSlices(), cut)
    )
    assert partition == pytest.approx(alone)
    assert in_turn > 2 * sliced > 2 * alone


# --- memory, and what is refused


def test_who_finds_no_room_is_refused_and_harms_nobody():
    three = [Tenant(name, 0.01, memory=40, arrivals=at(0, 1)) for name in "abc"]
    for strategy in (InTurn(), TimeSlices(), Streams()):
        found = simulate(PLAIN, strategy, three, 5)
        assert found.refused == {"a": 0, "b": 0, "c": 2}
        assert [len(values) for values in found.latency.values()] == [2, 2, 0]
    assert sum(simulate(PLAIN, Exclusive(), three, 5).refused.values()) == 0
    assert sum(simulate(PLAIN, Partitions(), three, 5).refused.values()) == 6  # a third of 100 holds none of them


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategy": Partitions({"a": 0.5})}, "No share for b"),
        ({"strategy": Partitions({"a": 0.5, "b": 0.6})}, "1.1 of a device"),
        ({"seconds": 0}, "seconds is 0"),
        ({"tenants": []}, "at least one tenant"),
        ({"tenants": [Tenant("a", 1), Tenant("a", 1)]}, "name of its own"),
    ],
)
def test_what_makes_no_sense_is_refused(change, said):
    given = {"strategy": InTurn(), "tenants": [Tenant("a", 1), Tenant("b", 1)], "seconds": 1} | change
    with pytest.raises(ValueError, match=said):
        simulate(PLAIN, **given)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"seconds": 1, "width": 0}, {"seconds": 1, "width": 1.5}])
def test_a_tenant_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="width above 0"):
        Tenant("odd", **wrong)


# --- what is said about it


def test_every_number_of_a_device_is_told_with_its_source():
    for device in (GPU, sharing.calibrate(sharing.load_recording())):
        said = device.assumptions()
        for number in (f"{device.slice * 1e3:.3g} ms", f"{device.switch * 1e6:.3g} µs", f"{device.overlap:.0%}"):
            assert any(number in sentence for sentence in said)
        assert all("Source: none" not in sentence for sentence in said)
    assert "assumptions" in GPU.assumptions()[0]


def test_an_outcome_is_a_line_for_each_tenant():
    outcome = simulate(PLAIN, Exclusive(), [Tenant("a", 0.01), Tenant("b", 0.01, memory=101)], 1)
    lines = str(outcome).splitlines()
    assert lines[0] == "Exclusive, 2 devices, 50% used"
    assert lines[1].startswith("  a: 100.0/s, median 10 ms, p95 10 ms") or lines[1].startswith("  a: 99.0/s")
    assert "refused" in lines[2]
    with pytest.raises(load.TooFewSamples):
        outcome.percentile("a", 99)


# --- the recording


@pytest.fixture(scope="module")
def recording():
    return sharing.load_recording()


def simulated(run, alone, device):
    """The same tenants as in a recorded run, simulated."""
    several = [
        Tenant(tenant["name"], alone[tenant["rows"]], arrivals=Closed(tenant["clients"], tenant["think"]))
        for tenant in run["tenants"]
    ]
    strategy = {"processes": TimeSlices(), "one process": InTurn()}[run["how"]]
    return simulate(device, strategy, several, 30)


def test_the_recording_tells_where_it_comes_from(recording):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", recording["date"])
    assert (ROOT / recording["script"]).is_file()
    assert recording["machine"]["processor"]
    assert recording["versions"]["onnxruntime"]
    counts = {len(run["tenants"]) for run in recording["runs"]}
    assert counts >= {1, 2, 4, 8}


def test_the_simulation_tells_what_was_measured(recording):
    """Wide margins: the machine was no laboratory, and the system's scheduler is more than equal slices in turn."""
    device = sharing.calibrate(recording)
    alone = {run["tenants"][0]["rows"]: run["seconds_each"] for run in recording["runs"] if run["how"] == "alone"}
    compared = 0
    for run in recording["runs"]:
        if run["how"] not in ("processes", "one process") or any(tenant["think"] for tenant in run["tenants"]):
            continue
        found, compared = simulated(run, alone, device), compared + 1
        total, expected = sum(run["throughput"].values()), sum(found.throughput.values())
        assert expected == pytest.approx(total, rel=0.3), run["what"]
        for name, told in run["latency_ms"].items():
            assert np.median(found.latency[name]) * 1e3 == pytest.approx(told["p50"], rel=0.4), (run["what"], name)
    assert compared >= 8


def test_a_noisy_neighbour_is_as_bad_as_the_simulation_says(recording):
    """In one process the quiet tenant waits for a whole noisy request, in processes of their own it does not."""
    runs = {run["what"]: run for run in recording["runs"]}
    device = sharing.calibrate(recording)
    alone = {run["tenants"][0]["rows"]: run["seconds_each"] for run in recording["runs"] if run["how"] == "alone"}
    measured, told = {}, {}
    for how in ("processes", "one process"):
        run = runs[f"a noisy neighbour, {how}"]
        measured[how] = run["latency_ms"]["quiet"]["p50"]
        told[how] = np.median(simulated(run, alone, device).latency["quiet"]) * 1e3
    assert measured["one process"] > 2 * measured["processes"]
    assert told["one process"] > 2 * told["processes"]
    assert told["one process"] == pytest.approx(measured["one process"], rel=0.5)


@pytest.mark.parametrize("gone", sharing.PROVENANCE)
def test_a_recording_without_provenance_is_refused(tmp_path, recording, gone):
    path = tmp_path / "some.json"
    path.write_text(json.dumps({key: value for key, value in recording.items() if key != gone}))
    with pytest.raises(InvalidRecording, match=gone):
        sharing.load_recording(path)


def test_what_is_no_recording_is_refused(tmp_path, recording):
    path = tmp_path / "some.json"
    with pytest.raises(InvalidRecording, match="cannot be read"):
        sharing.load_recording(path)
    path.write_text("{")
    with pytest.raises(InvalidRecording, match="no JSON"):
        sharing.load_recording(path)
    with pytest.raises(InvalidRecording, match="lacks runs"):
        sharing.calibrate(recording | {"runs": recording["runs"][:2]})


# --- a real core


@pinned
@pytest.mark.parametrize("how", ["processes", "one process"])
def test_a_core_that_is_shared_answers_everybody(how):
    works = [Work("a", 16), Work("b", 16, arrivals=at(0.05, 0.1, 0.15))]
    run = one_core.run(works, how, seconds=0.4)
    assert len(run.outcome.latency["a"]) > 10
    assert len(run.outcome.latency["b"]) + run.outcome.unanswered["b"] == 3
    assert (run.outcome.latency["a"] > 0).all()
    assert 0 < run.outcome.utilisation < 1.5
    assert len(run.memory) == (2 if how == "processes" else 1)
    assert min(run.memory) > 1e6


@pinned
def test_alone_gives_a_tenant_to_simulate():
    tenant = one_core.alone(Work("a", 16, arrivals=Closed(2, 0.1)), seconds=0.2)
    assert (tenant.name, tenant.arrivals) == ("a", Closed(2, 0.1))
    assert 0 < tenant.seconds < 0.1


def test_where_no_core_can_be_pinned_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(one_core.psutil, "Process", lambda: object())
    with pytest.raises(OSError, match="does not pin"):
        one_core.measure([Work("a")])


def test_halves_need_two_cores(monkeypatch):
    monkeypatch.setattr(one_core, "pinnable", lambda: [0])
    with pytest.raises(OSError, match="two cores"):
        one_core.measure([Work("a"), Work("b")], "halves")


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="how is 'streams'"):
        one_core.measure([Work("a")], "streams")
    with pytest.raises(ValueError, match="name of its own"):
        one_core.measure([Work("a"), Work("a")])


@pinned
def test_a_process_that_ends_early_is_told_and_leaves_none_behind(monkeypatch, capfd):
    before = {child.pid for child in psutil.Process().children()}
    monkeypatch.setattr(one_core, "_plain", lambda work: {"name": work.name, "rows": -1, "arrivals": []})
    with pytest.raises(RuntimeError, match="ended early"):
        one_core.measure([Work("a")], seconds=0.1)
    assert "ValueError" in capfd.readouterr().err
    assert {child.pid for child in psutil.Process().children()} <= before


def test_the_recorder_keeps_the_middle_round_of_every_case():
    recorder = load_recorder()
    answers = iter(range(1, 1000))

    def backend(works, how, seconds, seed):
        count = next(answers)
        latency = {work.name: np.full(count, 0.01) for work in works}
        none = {work.name: 0 for work in works}
        outcome = sharing.Outcome(how, seconds, latency, none, none, utilisation=0.5)
        return one_core.Run(outcome, cpu=0.5, forced_switches=3, memory=(1_000_000,))

    runs, cases = recorder.record(backend, seconds=2.0, rounds=3), list(recorder.cases())
    assert [run["what"] for run in runs] == [case.what for case in cases]
    first = [run["latency_ms"][run["tenants"][0]["name"]]["count"] for run in runs]
    assert first == list(range(len(cases) + 1, 2 * len(cases) + 1))
    assert all(run["seconds_each"] == 0.01 for run in runs if run["how"] == "alone")
    assert json.loads(json.dumps(runs)) == runs
