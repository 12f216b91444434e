"""What predictions cost: the price sheet, the arithmetic, capacities from load tests, and the choice of a plan."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving import cost, load, virtual
from modelserving.cost import SLO, InvalidPrices, Plan

SHEET = cost.prices()
SMALL, LARGE, ACCELERATED = (
    cost.Instance(name, "a provider", "here", cores, memory, accelerator, price, "USD", "2026-01-01", "2026-01-02", "")
    for name, cores, memory, accelerator, price in (
        ("small", 2, 4, "", 0.08925),
        ("large", 4, 8, "", 0.1785),
        ("fast", 4, 16, "a GPU", 0.8048),
    )
)
POSITIVE = st.floats(1e-3, 1e6)
USED = st.floats(0.01, 1)


def result(latencies, *, failures=0, seconds=10.0, lateness=0.0):
    """A load test in which these requests were answered so late, and so many more failed at once."""
    count = len(latencies) + failures
    intended = np.arange(count) * seconds / count
    done = intended + np.concatenate([latencies, np.full(failures, 1e-4)])
    return load.Result(
        load.Conditions("constant", seconds, rate=count / seconds),
        intended=intended,
        started=intended + lateness,
        sent=intended + lateness,
        done=done,
        outcome=["ok"] * len(latencies) + ["503"] * failures,
    )


# --- the sheet


def test_the_sheet_has_instances_of_two_providers_with_and_without_an_accelerator():
    assert len({instance.provider for instance in SHEET.values()}) >= 2
    assert {bool(instance.accelerator) for instance in SHEET.values()} == {True, False}
    assert {instance.currency for instance in SHEET.values()} == {"USD"}


@pytest.mark.parametrize("instance", SHEET.values(), ids=SHEET)
def test_every_price_has_a_date_and_a_source(instance):
    assert instance.source.startswith("https://")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d|unknown", instance.date)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", instance.retrieved)
    assert instance.date == "unknown" or instance.date <= instance.retrieved
    assert instance.date in str(instance)
    assert instance.retrieved in str(instance) or instance.date != "unknown"
    assert 0.01 < instance.per_hour < 100


def test_a_change_to_what_was_given_changes_no_other_reading():
    cost.prices().clear()
    assert cost.prices() == SHEET


GOOD = """
[source.own]
provider = "The cellar"
region = "here"
currency = "EUR"
date = 2026-03-01
retrieved = "2026-03-02"
url = "https://example.org/offer"

[[instance]]
name = "box"
source = "own"
vcpus = 8
memory_gib = 32
per_hour = 0.25
"""


def test_a_sheet_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    box = cost.prices(path)["box"]
    assert (box.provider, box.currency, box.date, box.accelerator) == ("The cellar", "EUR", "2026-03-01", "")
    assert str(box) == "box (The cellar, here): 8 vCPU, 32 GiB, 0.25 EUR an hour (price of 2026-03-01)"


def test_a_sheet_that_was_edited_is_read_again(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert cost.prices(path)["box"].per_hour == 0.25
    path.write_text(GOOD.replace("0.25", "0.125"))
    assert cost.prices(path)["box"].per_hour == 0.125


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("date = 2026-03-01\n", "", "date is None"),
        ("date = 2026-03-01", 'date = "last week"', "date is 'last week'"),
        ('retrieved = "2026-03-02"', 'retrieved = "unknown"', "retrieved is 'unknown'"),
        ('url = "https://example.org/offer"', "", "url is missing"),
        ('url = "https://example.org/offer"', 'url = "somebody told me"', "the address"),
        ('source = "own"', "", "source is missing"),
        ('source = "own"', 'source = "rumour"', "no [source.rumour]"),
        ("per_hour = 0.25", "per_hour = -1", "per_hour is -1"),
        ("per_hour = 0.25", 'per_hour = "0.25"', "per_hour is '0.25'"),
        ("per_hour = 0.25", "per_hour = nan", "per_hour is nan"),
        ("per_hour = 0.25", "per_hour = true", "per_hour is True"),
        ("memory_gib = 32\n", "", "memory_gib is None"),
        ("vcpus = 8", "vcpus = 0", "vcpus is 0"),
        ("vcpus = 8", "vcpus = 8\naccelerator = 1", "accelerator is a text"),
        ('name = "box"', 'name = " "', "name is missing"),
        ('currency = "EUR"', "", "currency is missing"),
        ("[[instance]]", "[[machine]]", "[[instance]]"),
        ("vcpus = 8", "vcpus 8", "is no TOML"),
        (GOOD, GOOD + GOOD[GOOD.index("[[") :], "two prices"),
    ],
)
def test_a_bad_line_is_refused_with_a_sentence(tmp_path, old, new, said):
    assert old in GOOD
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InvalidPrices, match=re.escape(said)):
        cost.prices(path)


def test_a_sheet_that_is_not_there(tmp_path):
    with pytest.raises(InvalidPrices, match=r"none\.toml cannot be read"):
        cost.prices(tmp_path / "none.toml")


# --- the arithmetic


def test_a_thousand_predictions_by_hand():
    assert cost.per_thousand(3.6, 1000) == pytest.approx(0.001)  # 3.6 an hour are 0.001 a second
    assert cost.per_thousand(3.6, 1000, utilisation=0.25) == pytest.approx(0.004)


@settings(deadline=None)
@given(POSITIVE, POSITIVE, USED)
def test_half_the_capacity_or_half_the_use_costs_twice_as_much(per_hour, rows, used):
    price = cost.per_thousand(per_hour, rows, used)
    assert cost.per_thousand(per_hour, rows / 2, used) == pytest.approx(2 * price)
    assert cost.per_thousand(per_hour, rows, used / 2) == pytest.approx(2 * price)
    assert cost.per_thousand(2 * per_hour, rows, used) == pytest.approx(2 * price)


@pytest.mark.parametrize(
    ("rate", "capacity", "used", "machines"),
    [(0, 100, 1, 1), (100, 100, 1, 1), (101, 100, 1, 2), (2.1, 0.7, 1, 3), (700, 1000, 0.7, 1), (701, 1000, 0.7, 2)],
)
def test_machines_are_whole(rate, capacity, used, machines):
    assert cost.instances_needed(rate, capacity, used) == machines


@settings(deadline=None)
@given(st.floats(0, 1e6), POSITIVE, USED)
def test_no_machine_too_few_and_none_too_many(rate, capacity, used):
    machines = cost.instances_needed(rate, capacity, used)
    assert machines * capacity * used >= rate * (1 - 1e-6)
    assert machines == 1 or (machines - 1) * capacity * used < rate


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, 1.1])
def test_what_is_no_utilisation_is_refused(wrong):
    with pytest.raises(ValueError, match="utilisation"):
        cost.per_thousand(1, 1, wrong)
    with pytest.raises(ValueError, match="utilisation"):
        cost.instances_needed(1, 1, wrong)


def test_littles_law_counts_what_a_simulated_service_has_under_way():
    """An open loop of 40 requests/s, each of which takes 0.25 s: ten at a time."""
    under_way = []

    async def send():
        under_way.append(1)
        await asyncio.sleep(0.25)
        under_way.append(-1)

    async def watch():
        seen = []
        for _ in range(200):
            await asyncio.sleep(0.0713)
            seen.append(sum(under_way))
        return np.mean(seen[20:])

    async def both():
        watching = asyncio.ensure_future(watch())
        await load.open_loop(send, load.poisson(40, 15, seed=3), timeout=5)
        return await watching

    assert virtual.run(both()) == pytest.approx(cost.in_flight(40, 0.25), rel=0.1)


# --- capacity from a measurement


def test_capacity_is_what_succeeded_times_its_rows():
    assert cost.capacity(result(np.full(1000, 0.01))) == pytest.approx(100, rel=0.01)
    assert cost.capacity(result(np.full(1000, 0.01)), rows=128) == pytest.approx(12800, rel=0.01)


def test_failures_are_no_capacity_however_fast_they_come():
    assert cost.capacity(result(np.full(1000, 0.01), failures=9000)) == pytest.approx(100, rel=0.01)


def test_late_answers_are_no_capacity_when_there_is_a_deadline():
    mixed = result(np.where(np.arange(1000) % 4, 0.01, 0.2))
    assert cost.capacity(mixed, deadline=0.1) == pytest.approx(75, rel=0.02)


def test_a_void_run_or_one_without_success_is_refused():
    with pytest.raises(ValueError, match="nothing about the server"):
        cost.capacity(result(np.full(2000, 0.01), lateness=0.009))
    with pytest.raises(ValueError, match="No request of this run succeeded"):
        cost.capacity(result(np.zeros(0), failures=100))


# --- a stress test


def server(capacity):
    """Load tests of a server that answers one request after another, in virtual time."""

    def measure(rate):
        lock = asyncio.Lock()

        async def send():
            async with lock:
                await asyncio.sleep(1 / capacity)

        async def run():
            return await load.open_loop(send, load.poisson(rate, 40, seed=1), timeout=3)

        return virtual.run(run())

    return measure


def test_a_stress_test_finds_the_capacity_and_changes_no_bill():
    plan = Plan("as it was", SMALL, "one process", capacity=80, latency=0.05, utilisation=0.7)
    before = plan.per_month(rate=200)
    found = cost.stress_test(server(100), rates=(90, 60, 75, 120), slo=SLO(p99=0.1))
    assert 70 < found.capacity < 100  # less than the server can do: at 100 a second nobody could be promised anything
    assert len(found.steps) < 4  # and it did not go on when the promise was broken
    assert "was promised" in found.ended
    assert found.latency <= 0.1
    assert plan.per_month(rate=200) == before


def test_a_stress_test_that_ends_at_once_and_one_that_finds_no_end():
    with pytest.raises(ValueError, match="Not even the smallest load"):
        cost.stress_test(server(50), [80, 90], SLO(p99=0.1))
    found = cost.stress_test(server(1000), [40, 50], SLO(p99=0.1))
    assert "higher" in found.ended
    assert found.capacity == pytest.approx(50, rel=0.1)


def test_a_load_under_which_too_many_fail_was_not_borne():
    runs = {100: result(np.full(1000, 0.01)), 200: result(np.full(1900, 0.01), failures=100)}
    found = cost.stress_test(runs.get, runs, SLO(p99=0.1, failed=0.01))
    assert found.capacity == pytest.approx(100, rel=0.01)
    assert found.ended == "At 200 requests/s: 5.0% of the requests failed."


# --- plans

ONE = Plan("one by one", SMALL, "a process for each model", capacity=500, latency=0.02, utilisation=0.6)
BATCHED = Plan("batched", LARGE, "one server", capacity=4000, latency=0.045, utilisation=0.7)
SHARED = Plan("time slices", ACCELERATED, "time slices", capacity=90_000, latency=0.2, utilisation=0.7)


def test_a_plan_pays_whole_machines_for_730_hours():
    assert ONE.instances(1000) == 4  # 300 rows/s each
    assert ONE.per_month(1000) == pytest.approx(4 * 0.08925 * 730)
    assert ONE.per_thousand(1000) == pytest.approx(ONE.per_month(1000) / (1000 * 3600 * 730 / 1000))


@settings(deadline=None)
@given(st.floats(1, 1e5), st.sampled_from([ONE, BATCHED, SHARED]))
def test_no_rate_is_cheaper_than_a_machine_used_as_planned(rate, plan):
    best = cost.per_thousand(plan.instance.per_hour, plan.capacity, plan.utilisation)
    assert plan.per_thousand(rate) >= best * (1 - 1e-9)
    assert plan.per_month(rate, instances=3) >= 3 * plan.instance.per_hour * cost.HOURS * (1 - 1e-9)


def test_the_cheapest_plan_that_keeps_the_promise_and_why_the_others_do_not():
    choice = cost.cheapest([ONE, BATCHED, SHARED], SLO(p99=0.05), rate=5000)
    assert choice.plan is BATCHED  # 2 × 0.1785 against 17 × 0.08925
    assert choice.per_month == pytest.approx(2 * 0.1785 * 730)
    assert choice.reasons["time slices"] == ["its p99 is 200 ms, and 50 ms is promised"]
    assert choice.reasons["one by one"] == ["costs 4.25 times as much"]
    assert "batched" not in choice.reasons


def test_a_stricter_promise_costs_more_and_one_that_nobody_keeps_has_no_plan():
    strict = cost.cheapest([ONE, BATCHED, SHARED], SLO(p99=0.03), rate=5000)
    assert strict.plan is ONE
    nobody = cost.cheapest([ONE, BATCHED, SHARED], SLO(p99=0.001), rate=5000)
    assert nobody.plan is None
    assert math.isnan(nobody.per_month)
    assert all(nobody.reasons.values())


def test_the_cheapest_plan_depends_on_the_rate():
    plans, slo = [ONE, BATCHED, SHARED], SLO(p99=1)
    assert [cost.cheapest(plans, slo, rate).plan.name for rate in (100, 5000, 50_000)] == [
        "one by one",
        "batched",
        "time slices",
    ]


def test_a_plan_whose_models_do_not_fit_is_refused():
    big = dataclasses.replace(ONE, memory_gib=12)
    assert cost.cheapest([big, BATCHED], SLO(1), 10).reasons["one by one"] == [
        "it needs 12 GiB, and small has 4",
    ]


def test_two_machines_at_least_when_the_promise_says_so():
    assert cost.cheapest([ONE], SLO(1), 10).per_month == pytest.approx(0.08925 * 730)
    assert cost.cheapest([ONE], SLO(1, instances=2), 10).per_month == pytest.approx(2 * 0.08925 * 730)


def test_of_plans_that_cost_the_same_the_faster_one():
    slow = dataclasses.replace(ONE, name="slow", latency=0.04)
    choice = cost.cheapest([slow, ONE], SLO(1), 10)
    assert choice.plan is ONE
    assert choice.reasons == {"slow": ["costs the same, and is no faster"]}


@settings(deadline=None)
@given(st.permutations([ONE, BATCHED, SHARED]), st.floats(0.001, 0.5), st.floats(1, 1e5))
def test_the_choice_is_right_whatever_the_order(plans, p99, rate):
    choice = cost.cheapest(plans, SLO(p99), rate)
    able = [plan for plan in plans if plan.latency <= p99]
    assert (choice.plan is None) == (not able)
    if able:
        assert choice.plan in able
        assert choice.per_month == pytest.approx(min(plan.per_month(rate) for plan in able))
    assert set(choice.reasons) == {plan.name for plan in plans if plan is not choice.plan}


def test_what_cannot_be_compared_is_refused():
    euros = dataclasses.replace(ONE, name="euros", instance=dataclasses.replace(SMALL, currency="EUR"))
    with pytest.raises(ValueError, match="EUR and USD"):
        cost.cheapest([ONE, euros], SLO(1), 10)
    with pytest.raises(ValueError, match="same name"):
        cost.cheapest([ONE, ONE], SLO(1), 10)
    with pytest.raises(ValueError, match="rate is 0"):
        cost.cheapest([ONE], SLO(1), 0)
    with pytest.raises(ValueError, match="capacity"):
        dataclasses.replace(ONE, capacity=0)
