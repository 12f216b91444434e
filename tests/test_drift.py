"""modelserving.drift: what each monitor computes, and what its alarms are worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from modelserving import drift

NUMBERS = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6).map(lambda value: round(value, 1)))
WITH_GAPS = arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([-2.5, 0.0, 0.0, 1.0, 3.25, 1e9, np.nan]))
TEXT = arrays("U3", st.integers(1, 40), elements=st.sampled_from(["JFK", "LGA", "EWR", ""]))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# Bins and PSI


def test_bins_are_cut_from_the_reference_into_equal_shares():
    reference = rng().normal(size=1000)
    bounds = drift.edges(reference, bins=4)
    assert bounds == pytest.approx(np.quantile(reference, [0.25, 0.5, 0.75], method="inverted_cdf"))
    assert drift.count(reference, bounds).tolist() == [250, 250, 250, 250, 0]


def test_every_number_has_a_bin_and_nan_one_of_its_own():
    counts = drift.count(np.array([-np.inf, -5, 0, 1, 1.5, 2, 99, np.inf, np.nan, np.nan]), np.array([1.0, 2.0]))
    assert counts.tolist() == [4, 2, 2, 2]  # up to 1, up to 2, above, missing


def test_a_value_that_takes_many_rows_has_its_own_bin():
    rain = np.r_[np.zeros(80), np.linspace(0.1, 2, 20)]
    counts = drift.count(rain, drift.edges(rain))
    assert counts.max() == 80
    assert drift.psi(rain, np.full(50, 1e-6)) > 1  # no zero any more, a little of everything
    stuck = np.full(100, 7.0)
    assert drift.psi(stuck, stuck[:30]) == pytest.approx(0, abs=1e-3)
    assert min(drift.psi(stuck, stuck - 1), drift.psi(stuck, stuck + 1)) > 1


def test_psi_of_an_example_computed_by_hand():
    reference, window = np.repeat(["a", "b"], [6, 2]), np.repeat(["a", "b"], [1, 3])
    r, w = np.array([6.5, 2.5]) / 9, np.array([1.5, 3.5]) / 5
    assert drift.psi(reference, window) == pytest.approx(((w - r) * np.log(w / r)).sum())


@settings(deadline=None)
@given(WITH_GAPS, WITH_GAPS, st.integers(1, 12))
def test_psi_is_finite_and_never_negative_and_its_counts_lose_no_row(reference, window, bins):
    assert 0 <= drift.psi(reference, window, bins) < np.inf
    bounds = drift.edges(reference, bins)
    assert (np.diff(bounds) > 0).all()
    assert drift.count(window, bounds).sum() == len(window)
    prepared = drift.refer(reference, bins)
    assert drift.psi(prepared, window) == drift.psi(reference, window, bins)


@settings(deadline=None)
@given(TEXT, TEXT)
def test_psi_of_text_takes_str_bytes_and_objects_alike(reference, window):
    expected = drift.psi(reference, window)
    assert 0 <= expected < np.inf
    assert drift.psi(reference, window.astype("S3")) == expected
    assert drift.psi(reference, window.astype(object)) == expected
    assert drift.psi(reference, np.array([name.encode() for name in window] + [None], dtype=object)[:-1]) == expected


def test_new_categories_are_counted_together():
    reference = np.repeat(["a", "b"], 50)
    one = drift.psi(reference, np.repeat(["a", "b", "z"], 10))
    many = drift.psi(reference, np.r_[np.repeat(["a", "b"], 10), [f"new {number}" for number in range(10)]])
    assert one == many > drift.psi(reference, np.repeat(["a", "b"], 10)) + 0.3


def test_psi_in_control_is_what_its_docstring_says():
    draws = rng()
    found = [drift.psi(draws.normal(size=2000), draws.normal(size=300)) for _ in range(200)]
    assert np.mean(found) == pytest.approx(9 * (1 / 2000 + 1 / 300), rel=0.15)


@pytest.mark.parametrize("change", [lambda x: x + 1, lambda x: x * 3, np.zeros_like, lambda x: np.full_like(x, np.nan)])
def test_psi_sees_shift_scale_a_dead_sensor_and_a_silent_one(change):
    reference, window = rng(1).normal(size=1000), rng(2).normal(size=200)
    assert drift.psi(reference, change(window)) > 5 * drift.psi(reference, window)


def test_bools_are_numbers():
    assert drift.psi(np.array([True, False] * 50), np.array([False] * 30)) > 0.5
    assert drift.ks(np.array([True, False]), np.array([True, True])).statistic == 0.5


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.zeros((2, 2)), "one-dimensional"),
        (np.array([]), "has rows"),
        (np.array(["2001-01-01"], dtype="datetime64[D]"), "numbers or text"),
    ],
)
def test_what_is_no_column_is_refused(column, message):
    for call in (lambda: drift.psi(column, np.ones(3)), lambda: drift.ks(np.ones(3), column)):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(("reference", "window"), [(["a"], [1]), ([1], ["a"])])
def test_numbers_and_text_are_not_compared(reference, window):
    with pytest.raises(ValueError, match="compared with one of text"):
        drift.psi(np.array(reference), np.array(window))


# Kolmogorov–Smirnov


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
def test_ks_is_scipys(reference, window):
    if len(reference) == len(window) == 1:  # scipy rounds the effective number of rows, a half, down to none
        window = np.append(window, 0.0)
    expected = stats.ks_2samp(reference, window, method="asymp")
    for of in (reference, drift.refer(reference)):
        found = drift.ks(of, window)
        assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-9)


def test_ks_leaves_nan_out():
    reference, window = rng(1).normal(size=50), rng(2).normal(size=20)
    assert drift.ks(np.r_[reference, np.nan], np.r_[np.nan, window]) == drift.ks(reference, window)


@pytest.mark.parametrize("window", [np.array(["a"]), np.array([np.nan])])
def test_ks_without_numbers_is_refused(window):
    with pytest.raises(ValueError, match="psi"):
        drift.ks(np.ones(3), window)
    with pytest.raises(ValueError, match="psi"):
        drift.ks(drift.refer(window), np.ones(3))


# The domain classifier


def days_with_weather(days: range, rows: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 3) whose first two columns are the weather of their day, and those days."""
    of = np.repeat(np.array(days), rows)
    weather = rng(7).normal(size=(100, 2))[of]
    return np.column_stack([weather, rng(len(of)).normal(size=len(of))]), of


def test_the_domain_classifier_finds_a_shift_and_nothing_where_nothing_is():
    reference, window = rng(1).normal(size=(600, 4)), rng(2).normal(size=(300, 4))
    assert drift.domain_classifier(reference, window) == pytest.approx(0.5, abs=0.08)
    assert drift.domain_classifier(reference, window + np.array([1.5, 0, 0, 0])) > 0.75


def test_it_recognises_days_by_their_weather_unless_groups_keep_them_together():
    (reference, before), (window, now) = days_with_weather(range(60)), days_with_weather(range(60, 90))
    assert drift.domain_classifier(reference, window) > 0.85
    assert drift.domain_classifier(reference, window, groups=(before, now)) == pytest.approx(0.5, abs=0.2)


def test_it_gives_the_same_for_the_same_seed_and_takes_gaps():
    reference, window = rng(1).normal(size=(300, 2)), rng(2).normal(size=(300, 2))
    window[::3, 1] = np.nan
    found = drift.domain_classifier(reference, window, seed=3, most=100)
    assert found == drift.domain_classifier(reference, window, seed=3, most=100) > 0.6


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), min_size=2, max_size=40), st.lists(st.integers(5, 14), min_size=2, max_size=40))
def test_no_group_is_on_both_sides_of_a_split(reference, window):
    reference, window = np.array(reference), np.array(window)
    if min(len(np.unique(reference)), len(np.unique(window))) < 2:
        with pytest.raises(ValueError, match="two"):
            drift._folds(reference, window, rng())
        return
    fold = drift._folds(reference, window, rng())
    groups = np.concatenate([reference, window])
    assert len(np.unique(fold)) >= 2
    assert all(len(np.unique(fold[groups == group])) == 1 for group in groups)


def test_groups_that_cannot_be_split_are_refused():
    rows, groups = (np.zeros((40, 1)), np.ones((40, 1))), (np.repeat([1, 9], 20), np.repeat([1, 2], 20))
    told = set()
    for seed in range(10):  # groups 1 and 9 come into one fold, by chance, and all of the reference with them
        try:
            told.add(drift.domain_classifier(*rows, groups=groups, seed=seed))
        except ValueError as error:
            told.add(str(error))
    assert told == {1.0, "These groups are too few to be split with rows of reference and window on both sides."}


def test_one_row_is_nothing_to_tell_apart():
    with pytest.raises(ValueError, match="at least two rows"):
        drift.domain_classifier(np.ones((50, 2)), np.ones((1, 2)))


# The season


def test_the_reference_in_season_is_the_same_part_of_earlier_years():
    dates = np.arange("2001-01-01", "2006-01-01", dtype="datetime64[D]")
    window = np.arange("2005-07-01", "2005-08-01", dtype="datetime64[D]")
    found = dates[drift.in_season(dates, window, days=10, years=2)]
    assert sorted({str(date)[:7] for date in found}) == [f"{y}-{m}" for y in (2003, 2004) for m in ("06", "07", "08")]
    assert len(found) == 2 * (31 + 2 * 10)


def test_a_season_never_holds_the_window_itself():
    dates = np.arange("2001-01-01", "2006-01-01", dtype="datetime64[D]")
    window = dates[dates >= np.datetime64("2004-06-01")]  # longer than a year
    assert not drift.in_season(dates, window)[dates >= window[0]].any()


# One number a day


def step(size: float, n: int = 400, at: int = 300, seed: int = 0) -> np.ndarray:
    return rng(seed).normal(size=n) + size * (np.arange(n) >= at)


def page_hinkley_by_the_book(values: np.ndarray, delta: float, threshold: float, warm_up: int) -> list[int]:
    """Page's cumulative sum of deviations from the running mean, for increases, started again after an alarm."""
    alarms, total, lowest, mean, n = [], 0.0, np.inf, 0.0, 0
    for index, value in enumerate(values):
        n += 1
        mean += (value - mean) / n
        total = 0.9999 * total + value - mean - delta  # river forgets a little at each step
        lowest = min(lowest, total)
        if n >= warm_up and total - lowest > threshold:
            alarms.append(index)
            total, lowest, mean, n = 0.0, np.inf, 0.0, 0
    return alarms


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.floats(0, 3))
def test_page_hinkley_is_the_one_of_the_book(seed, size):
    values = step(size, seed=seed)
    expected = page_hinkley_by_the_book(values, 0.2, 12, 30)
    assert drift.page_hinkley(values, delta=0.2, threshold=12).tolist() == expected


@pytest.mark.parametrize(
    "detect",
    [
        lambda values: drift.page_hinkley(values, delta=0.25, threshold=25),
        lambda values: drift.adwin(values / 6, delta=0.01),
    ],
)
def test_detectors_find_a_step_soon_and_pass_over_gaps(detect):
    values = step(2)
    alarms = detect(values)
    assert alarms.dtype == np.int64
    assert len(detect(values[:300])) == 0
    assert 300 < alarms[0] < 350
    gappy = np.insert(values, [10, 100, 302], np.nan)
    assert detect(gappy).tolist() == np.flatnonzero(~np.isnan(gappy))[alarms].tolist()


def test_page_hinkley_looks_where_it_is_told_to():
    falling = -step(2)
    assert len(drift.page_hinkley(falling, delta=0.25, threshold=25)) == 0
    assert drift.page_hinkley(falling, delta=0.25, threshold=25, mode="down")[0] > 300


def test_standardised_values_count_in_spreads_of_those_in_control():
    values = np.array([1.0, 3.0, np.nan, 7.0])
    assert drift.standardise(values, values[:3]).tolist() == pytest.approx([-1, 1, np.nan, 5], nan_ok=True)

    for of in (np.ones(5), np.full(5, np.nan)):
        with pytest.raises(ValueError, match="no unit"):
            drift.standardise(values, of)


# What an alarm is worth


def test_a_threshold_is_kept_by_the_scores_that_set_it():
    scores = rng().permutation(99.0 + np.arange(99))
    limit = drift.threshold(scores, 0.05)
    assert (scores > limit).sum() == 4
    assert limit in scores


def test_a_threshold_keeps_its_promise_on_further_windows_on_average():
    draws = rng(1).normal(size=(2000, 40))
    limits = [drift.threshold(scores[:39], 0.1) for scores in draws]
    assert np.mean(draws[:, 39] > limits) == pytest.approx(0.1, abs=0.02)


def test_too_few_windows_cannot_promise_a_small_rate():
    with pytest.raises(ValueError, match="it takes 99"):
        drift.threshold(np.arange(98.0), 0.01)
    assert drift.threshold(np.arange(99.0), 0.01) == 98
    with pytest.raises(ValueError, match="every window a score"):
        drift.threshold(np.array([1.0, np.nan, 2.0]), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        drift.threshold(np.arange(9.0), 0)


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 50))
def test_false_alarms_have_clopper_and_pearsons_interval(alarms, calm):
    found = drift.false_alarms(np.r_[np.ones(alarms), np.zeros(calm)], 0.5)
    n = alarms + calm
    assert (found.alarms, found.windows, found.rate) == (alarms, n, alarms / n)
    assert found.low == pytest.approx(stats.beta.ppf(0.025, alarms, calm + 1) if alarms else 0, abs=1e-6)
    assert found.high == pytest.approx(stats.beta.ppf(0.975, alarms + 1, calm), abs=1e-6)


def test_a_rate_says_itself_and_wants_windows():
    assert str(drift.false_alarms(np.arange(20.0), 18)) == "1 of 20 windows, 5.0 % (95 % interval 0.1 to 24.9 %)"
    with pytest.raises(ValueError, match="at least one window"):
        drift.false_alarms(np.array([]), 1)
    with pytest.raises(ValueError, match="a score"):
        drift.false_alarms(np.array([1, np.nan]), 1)


def test_a_record_tells_found_repeated_missed_and_false_alarms():
    record = drift.delays(alarms=[5, 103, 120, 290, 450], changes=[100, 200, 400], within=60)
    assert (record.found, record.missed, record.false) == (2, 1, 2)  # 120 repeats 103; 5 and 290 belong to nothing
    assert record.delay.tolist() == pytest.approx([3, np.nan, 50], nan_ok=True)
    assert str(record) == "2 found, 26 late on average, 1 missed, 2 false"


def test_a_record_without_changes_or_alarms():
    assert drift.delays([3, 4], []).false == 2
    assert str(drift.delays([], [10])) == "0 found, 1 missed, 0 false"


@settings(deadline=None)
@given(st.lists(st.integers(0, 300)), st.lists(st.integers(0, 300), unique=True), st.integers(1, 400))
def test_a_record_adds_up(alarms, changes, within):
    record = drift.delays(alarms, changes, within)
    assert record.found + record.missed == len(changes) == len(record.delay)
    assert 0 <= record.false <= len(alarms) - record.found
    assert not (record.delay[np.isfinite(record.delay)] >= within).any()


def test_the_most_sensitive_setting_that_is_calm_enough():
    calm = [rng(seed).normal(size=500) for seed in range(4)]

    def detect(stream, limit):
        return np.flatnonzero(stream > limit)

    limit = drift.most_sensitive(detect, np.arange(0, 5, 0.1), calm, rate=0.01)
    ringing = [sum(len(detect(stream, at)) for stream in calm) for at in (limit, limit - 0.1)]
    assert ringing[0] <= 20 < ringing[1]
    with pytest.raises(ValueError, match="calmer"):
        drift.most_sensitive(detect, [0, 1], calm, rate=0.01)
