"""From flights to a trained model, and from a trained model to numbers an interpreter can run (lesson 01).

The order is the lesson's: columns known before departure, a holdout that lies in the future, scores, training
offline and online, and a model written down as plain operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from modelserving import datasets

# One thread for each numeric library, in whichever order they were imported. On cores shared with anything else (a
# grader, a test run, a browser) OpenMP's threads spin while they wait for each other: minutes in place of seconds.
threadpool_limits(limits=1)

NAMED = ("carrier", "origin", "dest")
WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
FEATURES = ("hour", "weekday", *NAMED, "distance", *WEATHER)
CATEGORIES = slice(0, 5)  # hour, weekday and the named ones: equal or different, with no order that a line could follow
NUMBERS = slice(5, len(FEATURES))

Columns = dict[str, np.ndarray]
Operations = list[tuple[str, dict[str, Any]]]


# Inputs: what is known an hour before departure


def learn_codes(flights: Columns) -> Columns:
    """The distinct carriers, origins and destinations of ``flights``, sorted: a name's place in its list is its code.

    Learned once, from training flights, and kept with the model. Codes made afresh for each request would
    depend on which other flights happen to be in it.
    """
    return {column: np.unique(flights[column]) for column in NAMED}


def flight_features(flights: Columns, weather: Columns, codes: Columns) -> np.ndarray:
    """One float32 row for each flight, columns as in ``FEATURES``, all known an hour before departure.

    ``hour`` is the scheduled one (0–23), ``weekday`` 0 for Monday, carrier, origin and dest are codes from
    :func:`learn_codes` (-1 for a name it did not see), ``distance`` is in miles. Weather is what
    :func:`modelserving.datasets.join_weather` finds, in its units, NaN where there is no reading.
    Nothing that happens later enters: no delay, no actual time, no time in the air.
    """
    known = flights | datasets.join_weather(flights, weather)
    columns = [
        known["sched_dep_time"] // 100,
        weekday(known),
        *(encode(known[name], codes[name]) for name in NAMED),
        known["distance"],
        *(known[name] for name in WEATHER),
    ]
    return np.column_stack([column.astype(np.float32) for column in columns])


def encode(names: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The place of each name in the sorted array ``known``, -1 for a name that is not there."""
    places = np.searchsorted(known, names).clip(max=len(known) - 1)
    return np.where(known[places] == names, places, -1)


def weekday(flights: Columns) -> np.ndarray:
    """0 for Monday to 6 for Sunday, the day of the scheduled departure."""
    days_since_1970 = datasets.scheduled_departure(flights).astype("datetime64[D]").astype(int)
    return (days_since_1970 + 3) % 7  # 1 January 1970 was a Thursday


# A holdout in the future, and what to read off it


def before(flights: Columns, month: int, day: int = 1) -> np.ndarray:
    """True for flights scheduled on a day earlier than ``day`` of ``month``: train on these, test on the rest."""
    return (flights["month"] < month) | ((flights["month"] == month) & (flights["day"] < day))


@dataclass(frozen=True)
class Score:
    """How good probabilities are: log loss in nats (lower is better) beside ROC AUC (0.5 is chance, 1 is best).

    ``baseline`` is the log loss of giving every flight the base rate. A model above it is worse than none.
    """

    log_loss: float
    baseline: float
    auc: float

    def __str__(self) -> str:
        baseline = f"log loss of the base rate {self.baseline:.3f}"
        return f"log loss {self.log_loss:.3f} ({baseline})   ROC AUC {self.auc:.3f}"


def score(late: np.ndarray, probability: np.ndarray, base_rate: float) -> Score:
    """Score probabilities against what happened; ``base_rate`` is the share of late flights in *training*.

    ``late`` is bool (n,), ``probability`` float (n,) in [0, 1]. ROC AUC is NaN when all flights ended alike.
    """
    both = late.any() and not late.all()
    return Score(
        log_loss=float(log_loss(late, probability, labels=[False, True])),
        baseline=float(log_loss(late, np.full(len(late), base_rate), labels=[False, True])),
        auc=float(roc_auc_score(late, probability)) if both else float("nan"),
    )


@dataclass(frozen=True)
class Reliability:
    """Groups of equal size, in order of predicted probability; all arrays (groups,)."""

    predicted: np.ndarray  # mean probability of a group
    observed: np.ndarray  # share of it that was late
    margin: np.ndarray  # two standard errors of their difference, see margin

    @property
    def largest_gap(self) -> float:
        """The largest distance between predicted and observed, in probability."""
        return float(np.abs(self.predicted - self.observed).max())


def reliability(late: np.ndarray, probability: np.ndarray, days: np.ndarray, groups: int = 10) -> Reliability:
    """Compare probabilities with frequencies, flights sorted by probability and cut into ``groups`` of equal size.

    ``late`` is bool (n,), ``probability`` float (n,), ``days`` the day of each flight (n,), n at least ``groups``.
    See Niculescu-Mizil and Caruana (2005).
    """
    parts = np.array_split(np.argsort(probability, kind="stable"), groups)
    predicted = np.array([probability[part].mean() for part in parts])
    observed = np.array([late[part].mean() for part in parts])
    margins = np.array([margin(late[part] - probability[part], days[part]) for part in parts])
    return Reliability(predicted, observed, margins)


def margin(values: np.ndarray, days: np.ndarray) -> float:
    """Two standard errors of the mean of ``values``, float (n,), with only the ``days`` (n,) taken as independent.

    Flights of a day share their weather and their queues. To count each as a draw of its own makes the error several
    times too small. The formula is that of Liang and Zeger (1986) for a mean.
    """
    _, day = np.unique(days, return_inverse=True)
    surplus = np.bincount(day, weights=values - values.mean())
    return float(2 * np.sqrt((surplus**2).sum()) / len(values))


# Training


def prepare_columns() -> Pipeline:
    """Untrained preparation for linear models: categories to indicators, numbers filled and scaled."""
    indicators = OneHotEncoder(handle_unknown="ignore", dtype=np.float32)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer((indicators, CATEGORIES), (numbers, NUMBERS))


def train_logistic(X: np.ndarray, late: np.ndarray) -> Pipeline:
    """Logistic regression on rows of :func:`flight_features`, preparation included. Offline."""
    return make_pipeline(prepare_columns(), LogisticRegression(C=0.1, max_iter=300)).fit(X, late)


def train_trees(X: np.ndarray, late: np.ndarray, leaves: int = 31) -> HistGradientBoostingClassifier:
    """Gradient-boosted trees on rows of :func:`flight_features` as they are. Offline.

    Trees compare one value with one threshold. Scaling moves both and changes nothing but
    rounding, and rounding is what an exported copy would then differ by (lesson 02).
    """
    return HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    ).fit(X, late)


def train_mlp(
    X: np.ndarray,
    late: np.ndarray,
    hidden: Sequence[int] = (512, 512),
    *,
    epochs: int = 4,
    seed: int = 0,
    penalty: float = 1.0,
    weight: np.ndarray | None = None,
) -> Pipeline:
    """A multi-layer perceptron on rows of :func:`flight_features`, preparation included. Offline.

    It goes through the rows ``epochs`` times, in an order drawn from ``seed``, and stops: further rounds would fit
    the flights of training better and later ones worse. ``penalty`` is on the squared weights, for the same reason.
    ``weight``, float (n,), says what each row counts.
    """
    rate = min(1e-3, 0.1 / max(hidden))  # the wider a layer, the smaller the step that is safe (Yang and others 2021)
    # a RandomState goes on from epoch to epoch; a plain seed would start every one with the same order
    order = np.random.RandomState(seed)
    network = MLPClassifier(tuple(hidden), alpha=penalty, batch_size=500, learning_rate_init=rate, random_state=order)
    epoch = tqdm(range(epochs), "epochs", disable=None, leave=False)
    return make_pipeline(*fit_in_epochs(prepare_columns(), network, X, late, epoch, weight))


def fit_in_epochs(
    prepare: Any,
    network: MLPClassifier,
    X: np.ndarray,
    late: np.ndarray,
    epochs: Iterable[int],
    weight: np.ndarray | None = None,
) -> tuple[Any, MLPClassifier]:
    """Fit the preparation of ``X``, then go through the prepared rows once for each epoch, and no further."""
    rows = prepare.fit(X).transform(X)
    for _ in epochs:
        network.partial_fit(rows, late, sample_weight=weight, classes=[False, True])
    return prepare, network


def train_online(X: np.ndarray, late: np.ndarray, passes: int = 5) -> Pipeline:
    """Logistic regression by stochastic gradient descent, ready to go on learning with :func:`learn`.

    The learning rate is constant: one that shrinks would end up learning nothing from new flights.
    """
    steps = SGDClassifier(loss="log_loss", alpha=1e-5, learning_rate="constant", eta0=1e-3, random_state=0)
    model = make_pipeline(prepare_columns().fit(X), steps)
    for _ in range(passes):
        learn(model, X, late)
    return model


def learn(model: Pipeline, X: np.ndarray, late: np.ndarray) -> None:
    """Move an online model a little towards one batch's outcomes; its preparation stays."""
    model[-1].partial_fit(model[:-1].transform(X), late, classes=[False, True])


def chance(model: Any, X: np.ndarray) -> np.ndarray:
    """A scikit-learn model's probability, float (n,), that each flight is late."""
    return model.predict_proba(X)[:, 1]


# A model as plain data, and the interpreter that runs it


def as_operations(pipeline: Pipeline) -> Operations:
    """Write a logistic model of this module as a list of named operations with their arrays, for :func:`interpret`.

    Nothing in it refers to scikit-learn: strings, numpy arrays and one float.
    """
    indicators = pipeline[0].transformers_[0][1]
    fill, scale = (step for _, step in pipeline[0].transformers_[1][1].steps)
    untouched = len(indicators.categories_)
    return [
        ("fill", {"value": np.r_[np.full(untouched, -1.0), fill.statistics_]}),
        ("scale", {"mean": np.r_[np.zeros(untouched), scale.mean_], "spread": np.r_[np.ones(untouched), scale.scale_]}),
        ("one_hot", {"known": [np.asarray(values) for values in indicators.categories_]}),
        ("linear", {"weights": pipeline[-1].coef_[0], "bias": float(pipeline[-1].intercept_[0])}),
        ("sigmoid", {}),
    ]


def fill(values: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Put a column's ``value`` where a reading is missing."""
    return np.where(np.isnan(values), value, values)


def scale(values: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Centre and scale each column."""
    return (values - mean) / spread


def one_hot(values: np.ndarray, known: Sequence[np.ndarray]) -> np.ndarray:
    """Turn each of the first columns into one 0/1 column for each of its known values; keep the others."""
    indicators = [values[:, [column]] == options for column, options in enumerate(known)]
    return np.hstack([*indicators, values[:, len(known) :]])


def linear(values: np.ndarray, weights: np.ndarray, bias: float) -> np.ndarray:
    """A weighted sum for each row."""
    return values @ weights + bias


def sigmoid(values: np.ndarray) -> np.ndarray:
    """A probability from a weighted sum."""
    return 1 / (1 + np.exp(-values))


OPERATIONS = {"fill": fill, "scale": scale, "one_hot": one_hot, "linear": linear, "sigmoid": sigmoid}


def interpret(model: Operations, inputs: np.ndarray) -> np.ndarray:
    """Run the model's operations on the inputs, in order; the last result is the answer."""
    values = inputs
    for operation, parameters in model:
        values = OPERATIONS[operation](values, **parameters)
    return values


# The same start for every later lesson


@dataclass(frozen=True)
class Task:
    """Flights of 2013 as arrays: January to September to train on, October to December to test on."""

    X_train: np.ndarray  # float32 (n, 13), columns as in FEATURES
    late_train: np.ndarray  # bool (n,)
    X_test: np.ndarray
    late_test: np.ndarray
    codes: Columns  # names of carriers, origins and destinations, by code


def flight_task() -> Task:
    """Load the flights and weather, build the features and split on 1 October 2013, as lesson 01 does."""
    flights, weather = datasets.flights(), datasets.weather()
    past, late = before(flights, month=10), datasets.late(flights)
    codes = learn_codes({name: flights[name][past] for name in NAMED})
    X = flight_features(flights, weather, codes)
    return Task(X[past], late[past], X[~past], late[~past], codes)
