"""modelserving.retraining: policies, replayed with nothing known before its time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving import retraining as rt

START = np.datetime64("2024-01-01")


class Mean:
    """A model that answers the mean of the labels that it was fitted on."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        assert len(X) == len(y) > 0
        self.value = y.mean()

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.value)


class Above:
    """A detector that rings at the first value above a limit."""

    def __init__(self, limit: float) -> None:
        self.limit, self.drift_detected, self.seen = limit, False, []

    def update(self, value: float) -> None:
        self.seen.append(value)
        self.drift_detected = value > self.limit


def days(n: int, rows: int = 1) -> np.ndarray:
    return np.repeat(START + np.arange(n), rows)


def run(y, policy=None, *, rows=1, fit=Mean, first=10, **options) -> rt.Replay:
    dates = days(len(y) // rows, rows)
    X = np.zeros((len(y), 1))
    return rt.replay(dates, X, np.asarray(y), fit=fit, policy=policy or rt.never(), first_fit=START + first, **options)


def step(n: int = 60, at: int = 30, size: float = 5.0) -> np.ndarray:
    return size * (np.arange(n) >= at)


def fitted(replay: rt.Replay) -> list[int]:
    return [int((refit.date - START).astype(int)) for refit in replay.refits]


def test_a_model_left_alone_answers_as_on_its_first_day():
    found = run(step())
    assert fitted(found) == [10]
    assert np.isnan(found.predictions[:10]).all()
    assert (found.predictions[10:] == 0).all()
    assert found.days.tolist() == days(60)[10:].tolist()
    assert found.error.tolist() == step()[10:].tolist()
    assert (found.refits[0].rows, found.refits[0].newest) == (10, START + 9)


def test_the_calendar_comes_round():
    assert fitted(run(step(), rt.calendar(15))) == [10, 25, 40, 55]
    assert fitted(run(step(13), rt.calendar(1))) == [10, 11, 12]


def test_an_alarm_leads_to_a_fit_when_its_label_has_come_and_each_model_has_a_detector_of_its_own():
    made = []

    def detector():
        made.append(Above(3))
        return made[-1]

    found = run(step(), rt.on_alarm(detector), label_delay=4, window=5)
    assert fitted(found)[:2] == [10, 34]  # the change on day 30 is known 4 days later
    assert made[0].seen == [0] * 20 + [5]
    assert len(made) == len(found.refits)
    assert found.predictions[34] == 1  # of five labels known that morning one is new


def test_a_detector_does_not_see_errors_of_the_model_before():
    made = []

    def detector():
        made.append(Above(np.inf))
        return made[-1]

    watch = rt.on_alarm(detector)
    y = np.arange(40.0)
    found = run(y, lambda morning: watch(morning) or morning.age >= 12, label_delay=6, first=20)
    second = fitted(found)[1]
    assert made[0].seen == (y - found.predictions)[20 : second - 6 + 1].tolist()
    assert made[1].seen[0] == y[second] - found.predictions[second]


def test_a_policy_can_be_used_for_one_replay_after_another():
    policy = rt.on_alarm(lambda: Above(3))
    assert fitted(run(step(), policy)) == fitted(run(step(), policy))


def test_the_window_ends_with_the_newest_label_known():
    found = run(np.arange(60.0), rt.calendar(1), window=3, label_delay=7)
    assert found.predictions[20] == np.mean([11, 12, 13])
    assert {refit.rows for refit in found.refits[5:]} == {3}


def test_labels_that_never_come_are_never_learned_and_never_counted():
    y = step()
    y[20:25] = np.nan
    found = run(y, rt.calendar(1), window=2)
    assert np.isnan(found.error[10:15]).all()
    assert np.isfinite(found.predictions[10:]).all()
    assert np.isfinite(np.delete(found.error, range(10, 15))).all()
    assert found.refits[15].newest == START + 19  # on the 25th day


def test_an_outage_of_the_labels_brings_their_errors_by_day_afterwards():
    mornings = []
    delay = np.ones(40, dtype=int)
    delay[15:20] = 20 - np.arange(15, 20)  # all of these on the morning of day 20
    run(np.arange(40.0), lambda morning: bool(mornings.append(morning)), label_delay=delay)
    errors = {int((morning.date - START).astype(int)): morning.errors.tolist() for morning in mornings}
    assert [len(errors[day]) for day in (15, 16, 19, 20, 21)] == [1, 0, 0, 5, 1]
    assert errors[20] == sorted(errors[20])  # oldest first: this error grows by the day
    assert [morning.age for morning in mornings] == list(range(1, 30))


def test_many_rows_a_day_have_one_error_a_day():
    y = np.tile([0.0, 2.0, 4.0], 30)
    found = run(y, rows=3)
    assert len(found.error) == 20
    assert found.error == pytest.approx(4 / 3)
    assert found.refits[0].rows == 30


def test_days_without_rows_are_passed_over():
    dates = days(40)[np.r_[0:20, 30:40]]
    found = rt.replay(
        dates, np.zeros((30, 1)), np.arange(30.0), fit=Mean, policy=rt.calendar(7), first_fit=str(START + 12)
    )
    assert fitted(found) == [12, 19, 30, 37]


def test_probabilities_and_another_loss():
    y = np.tile([True, False], 20)
    found = run(y, loss=lambda y, p: (y - p) ** 2, predict=lambda model, X: np.full(len(X), model.value))
    assert found.error == pytest.approx(0.25)


def test_predicting_ahead_changes_nothing(monkeypatch):
    y = np.random.default_rng(0).normal(size=200) + step(200, 90)
    policy = rt.on_alarm(lambda: Above(4))
    ahead = run(y, policy, window=9)
    monkeypatch.setattr(rt, "AHEAD", 1)
    daily = run(y, policy, window=9)
    assert np.array_equal(ahead.predictions, daily.predictions, equal_nan=True)
    assert fitted(ahead) == fitted(daily)
    assert len(daily.refits) > 1


POLICIES = st.sampled_from(
    [
        rt.never(),
        rt.calendar(1),
        rt.calendar(7),
        rt.on_alarm(lambda: Above(1.0)),
        lambda morning: morning.errors.sum() > 2,
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(0, 59),
    POLICIES,
    st.sampled_from([None, 1, 8]),
    st.lists(st.integers(1, 30), min_size=60, max_size=60),
)
def test_labels_that_have_not_come_change_nothing(seed, morning, policy, window, delays):
    """Whatever is not known on a morning may be anything: fits and predictions up to that day are the same."""
    rng = np.random.default_rng(seed)
    delays[0] = 1
    y, delay = rng.normal(size=60), np.array(delays)
    other = np.where(np.arange(60) + delay > morning, 1000 * rng.normal(size=60), y)
    first, second = (run(of, policy, window=window, label_delay=delay) for of in (y, other))
    assert np.array_equal(first.predictions[: morning + 1], second.predictions[: morning + 1], equal_nan=True)
    assert [day for day in fitted(first) if day <= morning] == [day for day in fitted(second) if day <= morning]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_delay": 0}, "morning after its day"),
        ({"label_delay": 1.5}, "whole number"),
        ({"label_delay": np.r_[np.ones(39, dtype=int), 0]}, "morning after its day"),
        ({"label_delay": 30}, "No label is known on 2024-01-11"),
        ({"window": 0}, "at least one day"),
        ({"first": 99}, "no rows"),
    ],
)
def test_what_cannot_be_replayed_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        run(np.arange(40.0), **options)


def test_rows_out_of_order_are_refused():
    with pytest.raises(ValueError, match="sort them first"):
        rt.replay(days(5)[::-1], np.ones((5, 1)), np.ones(5), fit=Mean, policy=rt.never(), first_fit=START)


def test_costs_and_regret():
    left, monthly = run(step()), run(step(), rt.calendar(10), window=10)
    assert rt.cost(left, refit=100, error=1) == 5 * 30
    assert rt.cost(monthly, refit=100, error=1) == 400 + monthly.error.sum()
    replays = {"never": left, "calendar": monthly}
    dear, cheap = rt.regret(replays, refit=100, error=1), rt.regret(replays, refit=1, error=1)
    assert dear["never"] == cheap["calendar"] == 0
    assert dear["calendar"] == pytest.approx(400 + monthly.error.sum() - 150)
    assert cheap["never"] > 0


def test_after_an_alarm_a_second_fit_sees_what_the_first_could_not():
    """The trap: a model fitted at the alarm is half wrong, and its detector takes that for normal."""
    from river.drift import PageHinkley

    y = np.random.default_rng(0).normal(size=200) + step(200, 120, 8.0)

    def replayed(again):
        return run(y, rt.on_alarm(lambda: PageHinkley(20, 0.2, 15, mode="up"), again), first=20, window=10)

    once, twice = replayed(None), replayed(10)
    assert 121 <= fitted(once)[1] == fitted(twice)[1] <= 130
    assert fitted(twice)[2] == fitted(twice)[1] + 10
    assert len(once.refits) == 2
    assert once.error[-50:].mean() > 3 > 1.5 > twice.error[-50:].mean()


def test_a_second_fit_is_not_carried_into_another_replay():
    policy = rt.on_alarm(lambda: Above(3), again=40)
    first = fitted(run(step(), policy))
    assert first[:2] == [10, 31]  # the second one would come after the end
    assert fitted(run(step(), policy)) == first
    assert fitted(run(np.zeros(60), policy)) == [10]
