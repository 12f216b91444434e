"""Streams with a known change: the same seed gives the same one, and the change is where it should be."""

from __future__ import annotations

import numpy as np
import pytest

from modelserving import streams


def means(days: list[dict[str, np.ndarray]], column: str) -> np.ndarray:
    return np.array([day[column].mean() for day in days])


def test_the_same_seed_gives_the_same_stream() -> None:
    one, other = (streams.inputs(5).days[50]["load"] for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, streams.inputs(6).days[50]["load"])
    assert streams.year("slow", 5, 40) == streams.year("slow", 5, 40)


def test_zero_is_a_seed_like_any_other() -> None:
    assert not np.array_equal(streams.inputs(0).days[0]["load"], streams.inputs(1).days[0]["load"])
    assert not np.array_equal(streams.errors(0).days[0], streams.errors(1).days[0])
    assert streams.year("none", 0, "never") != streams.year("none", 1, "never")


@pytest.mark.parametrize("column", streams.DAILY_SPREAD)
def test_inputs_have_the_spread_that_is_told_and_move_by_it(column: str) -> None:
    stream = streams.inputs(1, column, size=6.0, start=400, days=800)
    before, after = means(stream.days[:400], column), means(stream.days[400:], column)
    spread = streams.DAILY_SPREAD[column]
    assert 0.8 * spread < before.std() < 1.25 * spread
    assert abs((after.mean() - before.mean()) / spread - 6) < 0.5
    assert len(stream.reference) == 150


def test_more_late_flights_show_in_the_prediction_and_not_in_the_weather() -> None:
    stream = streams.inputs(2, "late", start=200, days=400)
    moved = {
        column: (means(stream.days[200:], column).mean() - means(stream.days[:200], column).mean()) / spread
        for column, spread in streams.DAILY_SPREAD.items()
    }
    assert moved["prediction"] > 4
    assert moved["load"] > 3
    assert abs(moved["temperature"]) < 0.5
    assert abs(moved["rain"]) < 0.5


def test_rows_of_a_day_share_its_weather() -> None:
    stream = streams.inputs(3, "", days=300)
    within = np.mean([day["temperature"].std() for day in stream.days])
    assert means(stream.days, "temperature").std() > 2 * within
    assert 0.5 < np.mean([(day["rain"] == 0).all() for day in stream.days]) < 0.7


def test_errors_double_or_grow_and_stay_away_in_an_outage() -> None:
    kinds = {change: streams.errors(4, change, start=200, days=400) for change in ("none", "sudden", "slow")}
    level = {change: np.median(np.concatenate(stream.days[200:])) for change, stream in kinds.items()}
    assert 1.9 < level["sudden"] / level["none"] < 2.1
    assert level["slow"] > 1.5 * level["none"]
    days = kinds["none"].days
    assert not any(len(day) for day in days[40:50])
    assert all(len(day) for number, day in enumerate(days) if number % 7 < 5 and not 40 <= number < 50)
    assert len(kinds["none"].reference[0])
    assert len(kinds["none"].reference[-1])


def test_who_never_refits_pays_for_every_change_and_for_nothing_else() -> None:
    for seed in (1, 2):
        never = {kind: streams.year(kind, seed, "never").cost for kind in ("none", "sudden", "slow")}
        known = streams.year("sudden", seed, "known")
        assert len(known.refits) == 1
        assert known.changed + 10 <= known.refits[0] < known.changed + 20
        assert never["none"] + 40 < never["sudden"]
        assert known.cost + 40 < never["sudden"]
        assert streams.year("slow", seed, 40).cost + 40 < never["slow"]
        assert streams.year("none", seed, 40).cost > never["none"] + 50


class Planned:
    """Refits on day 50 as it was told."""

    def __init__(self, train: list[int], check: list[int]) -> None:
        self.plan, self.came = {"train": train, "check": check}, []

    def __call__(self, reference: np.ndarray, price: float, delay: int) -> Planned:
        assert reference.shape == (60,)
        return self

    def day(self, today: int, errors: list[tuple[int, float]]) -> dict[str, list[int]] | None:
        self.came += [(today, day) for day, _ in errors]
        return self.plan if today == 50 else None


def test_labels_come_when_they_come() -> None:
    planned = Planned([1, 2, 3], [4])
    account = streams.year("outage", 1, planned)
    assert account.broken is None
    assert account.refits == [50]
    back, late = account.changed + 20, [today - day for today, day in planned.came]
    assert min(late) == 6
    assert sum(today == back for today, _ in planned.came) == 31
    assert [day for _, day in planned.came] == list(range(294))


@pytest.mark.parametrize(
    ("train", "check", "words"),
    [
        ([1, 2, 45], [3], "The labels of day 45 have not come"),
        ([1, 2, 3], [50], "labels of days [50]"),
        ([-1, 2, 3], [4], "labels of days [-1]"),
        ([1, 2, 3], [3, 4], "fitted to, [3]"),
        ([1, 1, 2], [3], "at least three days"),
        ([1, 2, 3], [], "at least three days"),
        (["1", "2", "3"], [4], "are numbers"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_told(train: list, check: list, words: str) -> None:
    account = streams.year("none", 1, Planned(train, check))
    assert words in str(account.broken)
