"""A fleet to serve: one small model for each destination (lesson 08).

Requests arrive in the order in which the flights of 2013 were scheduled, each for its destination's model: a few
destinations are asked for all the time, and many now and then.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from modelserving import datasets, models
from modelserving.export import to_onnx
from modelserving.repository import FILE

COUNT = 72
HIDDEN = (64, 64)
ROWS = 1500  # of a destination's flights before October, from which its model learns
EPOCHS = 4


def most_flown(flights: models.Columns, count: int = COUNT) -> list[str]:
    """The ``count`` destinations with most flights, the one with most first."""
    names, flown = np.unique(flights["dest"], return_counts=True)
    return names[np.argsort(-flown, kind="stable")[:count]].tolist()


def destination_mix(flights: models.Columns, count: int = COUNT) -> np.ndarray:
    """Destinations, str (n,), in order of scheduled departure; those of the ``count`` that are flown to most."""
    dest = flights["dest"]
    return dest[np.isin(dest, most_flown(flights, count))]


def fleet_of(folder: str | os.PathLike, count: int = COUNT) -> list[str]:
    """Train a model for each of the ``count`` destinations flown to most, write them as a repository, and name them.

    ``folder/BOS/1/model.onnx`` and so on: multi-layer perceptrons, the input float32 (rows, 13) with the columns of
    ``models.FEATURES``, the outputs those of :func:`modelserving.export.to_onnx`. The same models each time.
    """
    task = models.flight_task()
    X, column = task.X_train, models.FEATURES.index("dest")
    names = most_flown(datasets.flights(), count)
    for name in tqdm(names, "models", disable=None):
        own = np.flatnonzero(X[:, column] == np.searchsorted(task.codes["dest"], name))
        own = own[:: max(1, len(own) // ROWS)]  # spread over the seasons
        path = Path(folder) / name / "1" / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_onnx(train(X[own], task.late_train[own]), X.shape[1]))
    return names


def train(X: np.ndarray, late: np.ndarray) -> object:
    """A small network, for a model of a destination."""
    prepare = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    network = MLPClassifier(HIDDEN, batch_size=min(100, len(X)), alpha=0.1, random_state=np.random.RandomState(0))
    models.fit_in_epochs(prepare, network, X, late, range(EPOCHS))
    return make_pipeline(*prepare, network)
