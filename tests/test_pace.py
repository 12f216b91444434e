"""modelserving.pace: what is learned from how long runs took."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.pace import Pace

SECONDS = st.floats(1e-6, 10)


def learn(pace: Pace, runs: list[tuple[int, float]]) -> Pace:
    for rows, seconds in runs:
        pace.observe(rows, seconds)
    return pace


def test_nothing_is_known_at_first():
    assert (Pace().known, Pace().seconds(10), Pace().rows(1.0)) == (False, 0, float("inf"))


@given(st.floats(1e-6, 1), st.floats(0, 0.1), st.lists(st.integers(1, 1000), min_size=2, unique=True))
def test_a_model_that_takes_so_much_a_run_and_so_much_a_row_is_found_out(start, each, sizes):
    pace = learn(Pace(), [(rows, start + each * rows) for rows in sorted(sizes) * 20])
    for rows in sizes:
        assert pace.seconds(rows) == pytest.approx(
            start + each * rows, rel=0.05, abs=2e-3 * (start + each * max(sizes))
        )


@given(st.lists(st.tuples(st.integers(1, 4096), SECONDS), min_size=1, max_size=100), st.sampled_from([1.0, 0.1]))
def test_whatever_comes_predictions_are_finite_and_no_less_for_more_rows(runs, slower):
    pace = learn(Pace(slower), runs)
    predicted = [pace.seconds(rows) for rows in (1, 2, 100, 10_000)]
    assert np.isfinite(predicted).all()
    assert predicted == sorted(predicted)
    assert pace.start >= -1e-9
    assert pace.rows(1.0) <= 4 * max(rows for rows, _ in runs)


def test_one_standstill_is_no_habit_and_a_habit_is_learned():
    pace = learn(Pace(), [(8, 0.01)] * 50)
    pace.observe(8, 10.0)
    assert pace.seconds(8) < 0.02
    learn(pace, [(8, 0.1)] * 200)
    assert pace.seconds(8) == pytest.approx(0.1, rel=0.05)
    learn(pace, [(8, 0.01)] * 200)
    assert pace.seconds(8) == pytest.approx(0.01, rel=0.05)


def test_what_was_known_about_rows_stays_when_all_runs_have_the_same():
    pace = learn(Pace(), [(1, 0.002), (100, 0.101)] * 20)
    learn(pace, [(100, 0.101)] * 1000)
    assert pace.seconds(1) == pytest.approx(0.002, rel=0.2)


def test_the_best_pace_hardly_hears_of_disturbances():
    disturbed = [(8, 0.01 if i % 2 else 0.03) for i in range(400)]
    assert learn(Pace(), disturbed).seconds(8) == pytest.approx(0.02, rel=0.1)
    assert learn(Pace(slower=0.1), disturbed).seconds(8) < 0.013


def test_rows_that_fit_into_a_time():
    pace = learn(Pace(), [(1, 0.002), (100, 0.101)] * 100)
    assert pace.rows(0.051) == pytest.approx(50, rel=0.1)
    assert pace.rows(0.0001) == 0
    assert pace.rows(float("inf")) == float("inf")
