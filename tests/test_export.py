"""modelserving.export: scikit-learn to ONNX, and parity."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelserving import models
from modelserving.export import parity, to_onnx
from modelserving.interpreter import Interpreter, Tensor

HASTY = np.s_[::40]


@pytest.fixture(scope="module")
def task() -> models.Task:
    return models.flight_task()


@pytest.mark.parametrize("train", [models.train_logistic, models.train_trees])
def test_the_course_s_models_are_exported_exactly(task, train):
    fitted = train(task.X_train[HASTY], task.late_train[HASTY])
    exported = Interpreter(to_onnx(fitted, len(models.FEATURES)))
    rows = task.X_test[:5000]
    assert np.isnan(rows).any()
    got = exported.predict({"input": rows})
    assert parity(fitted.predict_proba(rows), got["probability"]).holds(1e-6)
    assert np.array_equal(got["label"], fitted.predict(rows))
    assert exported.signature.inputs == (Tensor("input", "FP32", (-1, 13)),)
    assert exported.signature.outputs == (Tensor("label", "INT64", (-1,)), Tensor("probability", "FP32", (-1, 2)))
    assert exported.signature.batched


@pytest.fixture(scope="module")
def three() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    return X, np.digitize(X[:, 0], [-0.5, 0.5])


def test_three_classes_of_a_pipeline(three):
    X, y = three
    fitted = make_pipeline(StandardScaler(), MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0)).fit(
        X, y
    )
    got = Interpreter(to_onnx(fitted, 4)).predict({"input": X})
    assert got["probability"].shape == (300, 3)
    assert parity(fitted.predict_proba(X), got["probability"]).holds(1e-5)


def test_classes_with_names_give_labels_as_text(three):
    X, y = three
    fitted = LogisticRegression().fit(X, np.array(["low", "middle", "high"])[y])
    exported = Interpreter(to_onnx(fitted, 4))
    assert exported.signature.outputs[0] == Tensor("label", "BYTES", (-1,))
    assert exported.predict({"input": X})["label"].tolist() == fitted.predict(X).tolist()


@pytest.mark.parametrize(
    "fitted",
    [make_pipeline(StandardScaler(), LogisticRegression()), HistGradientBoostingClassifier(max_iter=5)],
    ids=["pipeline", "trees"],
)
def test_raw_gives_the_scores_ahead_of_the_probabilities(three, fitted):
    X, y = three
    fitted.fit(X, y)
    got = Interpreter(to_onnx(fitted, 4, raw=True)).predict({"input": X})
    assert set(got) == {"label", "score"}
    assert np.allclose(got["score"], fitted.decision_function(X), atol=1e-4)


def test_the_file_is_valid_onnx_and_named_from_end_to_end(three):
    X, y = three
    content = to_onnx(HistGradientBoostingClassifier(max_iter=2).fit(X, y), 4)
    onnx.checker.check_model(content)
    graph = onnx.load_from_string(content).graph
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    assert "probability" in names
    assert "probabilities" not in names


# parity


def test_parity_finds_the_one_row_among_thousands():
    expected = np.full((3000, 2), 0.5)
    got = expected.astype(np.float32)
    got[1234, 1] += 0.25
    found = parity(expected, got)
    assert (found.rows, found.worst, found.largest) == (3000, 1234, 0.25)
    assert found.mean == pytest.approx(0.25 / 3000)
    assert found.over(0.1) == pytest.approx(1 / 3000)
    assert not found.holds(0.1)
    assert found.holds(0.25)
    assert "row 1234" in str(found)


def test_parity_of_one_column_equals_that_of_a_table():
    expected, got = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.25, 0.3])
    assert parity(expected, got) == parity(expected[:, None], got[:, None])


def test_a_nan_on_one_side_is_a_difference_and_on_both_is_none():
    nan = float("nan")
    assert parity(np.array([0.5, nan]), np.array([0.5, nan])).holds(0)
    for one in (parity(np.array([0.5, nan]), np.array([0.5, 0.5])), parity(np.array([0.5, 0.5]), np.array([0.5, nan]))):
        assert (one.worst, one.largest) == (1, np.inf)
        assert not one.holds(1e9)
        assert one.over(1e9) == 0.5


def test_infinities_that_are_equal_are_no_distance_apart():
    assert parity(np.array([np.inf]), np.array([np.inf])).largest == 0
    assert parity(np.array([np.inf]), np.array([-np.inf])).largest == np.inf


def test_no_rows_prove_nothing():
    nothing = parity(np.empty((0, 2)), np.empty((0, 2)))
    assert not nothing.holds(1)
    assert nothing.over(0) == 0
    assert str(nothing).startswith("0 rows")


def test_parity_of_other_rows_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 2\) was expected, \(3,\) came"):
        parity(np.zeros((3, 2)), np.zeros(3))
