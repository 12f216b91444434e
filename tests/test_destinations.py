"""modelserving.destinations: one small model for each destination, and the order in which they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelserving import datasets, models
from modelserving.destinations import COUNT, destination_mix, fleet_of, most_flown
from modelserving.fleet import Budget, misses
from modelserving.repository import Repository

FEW = 4


@pytest.fixture(scope="module")
def fleet(tmp_path_factory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("destinations")
    return folder, fleet_of(folder, FEW)


def test_the_mix_is_the_flights_in_time_order():
    flights = datasets.flights()
    mix = destination_mix(flights)
    names, asked = np.unique(mix, return_counts=True)
    assert len(names) == COUNT
    assert 0.9 * len(flights["dest"]) < len(mix) < len(flights["dest"])
    assert most_flown(flights)[:3] == ["ORD", "ATL", "LAX"]
    assert asked.max() > 20 * asked.min()
    kept = np.isin(flights["dest"], names)
    assert (flights["dest"][kept] == mix).all()


def test_the_mix_asks_for_few_models_often_and_for_many_now_and_then():
    mix = destination_mix(datasets.flights())[:20_000].tolist()
    rates = [misses(mix, capacity) for capacity in (8, 16, 32, 64, COUNT)]
    assert rates == sorted(rates, reverse=True)
    assert rates[1] > 0.4
    assert rates[-1] < 0.01


def test_each_model_answers_for_its_flights(fleet):
    folder, names = fleet
    assert names == most_flown(datasets.flights(), FEW)
    task = models.flight_task()
    X = task.X_test
    repository = Repository(folder, budget=Budget(models=1))
    for name in names:
        own = X[:, models.FEATURES.index("dest")] == np.searchsorted(task.codes["dest"], name)
        with repository.use(name) as interpreter:
            probability = interpreter.predict({"input": X[own]})["probability"][:, 1]
        late = task.late_test[own]
        assert models.score(late, probability, task.late_train.mean()).auc > 0.55


def test_models_differ_and_come_out_the_same_each_time(fleet, tmp_path):
    folder, names = fleet
    files = [(folder / name / "1" / "model.onnx").read_bytes() for name in names]
    assert len(set(files)) == FEW
    fleet_of(tmp_path, 2)
    row = np.full((1, 13), 0.5, np.float32)
    one, two = Repository(folder, budget=Budget(models=1)), Repository(tmp_path, budget=Budget(models=1))
    for name in names[:2]:
        with one.use(name) as first, two.use(name) as second:
            assert first.predict({"input": row})["probability"] == pytest.approx(
                second.predict({"input": row})["probability"], abs=1e-6
            )
