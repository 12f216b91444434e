"""modelserving.models: features without a leak, a holdout in the future, scores, training, the interpreter."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.metrics import log_loss

from modelserving import datasets, models

HASTY = np.s_[::40]  # every fortieth row: some six thousand to train on


@pytest.fixture(scope="module")
def task() -> models.Task:
    return models.flight_task()


@pytest.fixture(scope="module")
def logistic(task: models.Task):
    return models.train_logistic(task.X_train[HASTY], task.late_train[HASTY])


@pytest.fixture(scope="module")
def some() -> models.Columns:
    """Two thousand flights in the middle of the year."""
    return {name: column[150_000:152_000] for name, column in datasets.flights().items()}


def features(flights: models.Columns) -> np.ndarray:
    return models.flight_features(flights, datasets.weather(), models.learn_codes(datasets.flights()))


# features


def test_features_are_float32_rows_in_the_documented_order(some):
    X = features(some)
    assert X.shape == (2000, len(models.FEATURES))
    assert X.dtype == np.float32
    column = dict(zip(models.FEATURES, X.T, strict=True))
    assert np.array_equal(column["hour"], some["sched_dep_time"] // 100)
    assert np.array_equal(column["distance"], some["distance"])
    assert set(np.unique(column["weekday"])) <= set(range(7))


@pytest.mark.parametrize("leak", ["dep_delay", "arr_delay", "air_time"])
def test_nothing_that_happens_after_departure_enters(some, leak):
    changed = some | {leak: np.full_like(some[leak], 999)}
    assert np.array_equal(features(changed), features(some), equal_nan=True)


def test_weather_of_the_departure_hour_does_not_enter(some):
    weather = datasets.weather()
    codes = models.learn_codes(datasets.flights())
    day, hour = some["day"][0], some["sched_dep_time"][0] // 100
    future = (weather["month"] == some["month"][0]) & (weather["day"] == day) & (weather["hour"] >= hour)
    one = {name: column[:1] for name, column in some.items()}
    changed = weather | {"temp": np.where(future, np.float32(-99), weather["temp"])}
    assert future.any()
    assert np.array_equal(
        models.flight_features(one, changed, codes), models.flight_features(one, weather, codes), equal_nan=True
    )


def test_a_row_does_not_depend_on_the_other_rows_of_its_request(some):
    alone = {name: column[1234:1235] for name, column in some.items()}
    assert np.array_equal(features(alone)[0], features(some)[1234], equal_nan=True)


def test_a_name_never_seen_gets_minus_one():
    assert models.encode(np.array(["AA", "ZZ", "01", "UA"]), np.array(["AA", "UA"])).tolist() == [0, -1, -1, 1]


def test_weekdays_of_2013():
    flights = {
        "month": np.array([1, 7, 12]),
        "day": np.array([1, 4, 29]),
        "sched_dep_time": np.array([0, 1200, 2359]),
    }
    assert models.weekday(flights).tolist() == [1, 3, 6]  # a Tuesday, a Thursday, a Sunday


# holdout


def test_before_splits_between_days():
    flights = {"month": np.array([8, 9, 9, 9, 10]), "day": np.array([31, 14, 15, 16, 1])}
    assert models.before(flights, month=9, day=15).tolist() == [True, True, False, False, False]


def test_the_task_trains_on_the_past(task):
    flights = datasets.flights()
    assert len(task.late_train) == (flights["month"] < 10).sum()
    assert len(task.late_train) + len(task.late_test) == len(flights["month"])
    assert task.X_train.shape == (len(task.late_train), len(models.FEATURES))


# scores


def test_score_agrees_with_the_definition():
    late, probability = np.array([True, False, True, False]), np.array([0.9, 0.2, 0.4, 0.6])
    result = models.score(late, probability, base_rate=0.25)
    assert result.log_loss == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.4]).mean())
    assert result.baseline == pytest.approx(-np.log([0.25, 0.75, 0.25, 0.75]).mean())
    assert result.auc == pytest.approx(0.75)


def test_a_printed_score_calls_the_baseline_a_log_loss():
    assert str(models.Score(0.5144, 0.5586, 0.689)) == (
        "log loss 0.514 (log loss of the base rate 0.559)   ROC AUC 0.689"
    )


def test_auc_of_flights_that_all_ended_alike_is_not_a_number():
    result = models.score(np.zeros(3, bool), np.full(3, 0.1), base_rate=0.2)
    assert np.isnan(result.auc)
    assert result.log_loss == pytest.approx(-np.log(0.9))


def test_reliability_of_a_perfectly_calibrated_forecast():
    rng = np.random.default_rng(0)
    probability = rng.random(200_000)
    groups = models.reliability(rng.random(200_000) < probability, probability, days=np.arange(200_000) % 365)
    assert groups.largest_gap < 0.02
    assert (np.diff(groups.predicted) > 0).all()


def test_reliability_sees_a_forecast_that_exaggerates():
    rng = np.random.default_rng(0)
    probability = rng.random(10_000)
    days = np.arange(10_000) % 365
    groups = models.reliability(rng.random(10_000) < probability / 2, probability, days, groups=5)
    assert len(groups.observed) == 5
    assert groups.largest_gap == pytest.approx(0.45, abs=0.03)


def test_margin_of_single_draws_is_two_standard_errors():
    values = np.random.default_rng(0).random(400)
    assert models.margin(values, np.arange(400)) == pytest.approx(2 * values.std() / 20)


def test_margin_counts_days_and_not_the_flights_that_repeat_them():
    values = np.random.default_rng(0).random(400)
    days = np.arange("2013-01-01", "2014-02-05", dtype="datetime64[D]")
    repeated = models.margin(np.repeat(values, 9), np.repeat(days, 9))
    assert repeated == pytest.approx(models.margin(values, days))
    assert repeated == pytest.approx(3 * models.margin(np.repeat(values, 9), np.arange(3600)))


def test_margin_covers_the_truth_where_flights_of_a_day_share_their_weather():
    """Of 400 years with a true mean of 0, about 95 in 100 lie within the margin."""
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(200), 30)
    inside = 0
    for _ in range(400):
        values = rng.standard_normal(200)[days] + rng.standard_normal(len(days))
        inside += abs(values.mean()) < models.margin(values, days)
    assert 0.92 < inside / 400 < 0.98


# training


def test_both_models_beat_the_base_rate_on_later_days(task, logistic):
    trees = models.train_trees(task.X_train[HASTY], task.late_train[HASTY])
    for model in (logistic, trees):
        result = models.score(task.late_test, models.chance(model, task.X_test), task.late_train.mean())
        assert result.log_loss < result.baseline
        assert result.auc > 0.6


def test_trees_get_raw_numbers_and_missing_values(task):
    rows = task.X_train[HASTY].copy()
    rows[::2, models.NUMBERS] = np.nan
    trees = models.train_trees(rows, task.late_train[HASTY])
    assert np.isfinite(models.chance(trees, rows)).all()


def test_training_twice_gives_the_same_model(task, logistic):
    again = models.train_logistic(task.X_train[HASTY], task.late_train[HASTY])
    assert np.array_equal(models.chance(again, task.X_test[HASTY]), models.chance(logistic, task.X_test[HASTY]))


def test_learning_moves_an_online_model_towards_the_outcomes_and_leaves_its_copy_alone(task):
    rows, late = task.X_train[HASTY], task.late_train[HASTY]
    online = models.train_online(rows, late)
    frozen = copy.deepcopy(online)
    before = log_loss(late[:500], models.chance(online, rows[:500]))
    for _ in range(3):
        models.learn(online, rows[:500], late[:500])
    assert log_loss(late[:500], models.chance(online, rows[:500])) < before
    assert log_loss(late[:500], models.chance(frozen, rows[:500])) == before


def test_an_online_model_can_learn_from_a_day_on_which_all_flights_ended_alike(task):
    online = models.train_online(task.X_train[HASTY], task.late_train[HASTY])
    rows = task.X_test[:50]
    before = models.chance(online, rows).mean()
    models.learn(online, rows, np.ones(50, bool))
    assert models.chance(online, rows).mean() > before


# the interpreter


def test_the_interpreter_answers_as_scikit_learn_does(task, logistic):
    model = models.as_operations(logistic)
    difference = np.abs(models.interpret(model, task.X_test) - models.chance(logistic, task.X_test))
    assert difference.max() < 1e-6


def test_so_it_does_for_missing_readings_and_names_never_seen(task, logistic):
    strange = task.X_test[:200].copy()
    strange[:100, models.NUMBERS] = np.nan
    strange[100:, models.CATEGORIES] = -1
    model = models.as_operations(logistic)
    assert models.interpret(model, strange) == pytest.approx(models.chance(logistic, strange), abs=1e-6)


def test_an_online_model_becomes_operations_too(task):
    online = models.train_online(task.X_train[HASTY], task.late_train[HASTY], passes=1)
    rows = task.X_test[:500]
    assert models.interpret(models.as_operations(online), rows) == pytest.approx(models.chance(online, rows), abs=1e-6)


def test_rows_are_interpreted_one_by_one_as_in_a_batch(task, logistic):
    model = models.as_operations(logistic)
    one_by_one = [models.interpret(model, task.X_test[i : i + 1])[0] for i in range(50)]
    assert one_by_one == pytest.approx(models.interpret(model, task.X_test[:50]), abs=1e-12)
    assert models.interpret(model, task.X_test[:0]).shape == (0,)


def test_a_model_is_plain_data(logistic):
    model = models.as_operations(logistic)
    assert b"sklearn" not in pickle.dumps(model)
    for operation, parameters in model:
        assert operation in models.OPERATIONS
        assert all(isinstance(value, np.ndarray | list | float) for value in parameters.values())


def test_interpreting_changes_neither_model_nor_inputs(task, logistic):
    model, rows = models.as_operations(logistic), task.X_test[:100].copy()
    kept_model, kept_rows = copy.deepcopy(model), rows.copy()
    first = models.interpret(model, rows)
    assert np.array_equal(rows, kept_rows, equal_nan=True)
    assert np.array_equal(models.interpret(kept_model, kept_rows), first)
