"""modelserving.optimize: what each rewriting keeps, what it changes, and what it refuses."""

from __future__ import annotations

import logging
import tempfile
import warnings

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from modelserving import models, optimize
from modelserving.export import to_onnx
from modelserving.interpreter import Interpreter, InvalidModel, Options
from modelserving.optimize import CannotRewrite
from modelserving.together import rows_are_independent

HASTY = np.s_[::200]
AS_IT_IS = Options(optimise=False)
AS_SERVED = Options()


@pytest.fixture(scope="module")
def task() -> models.Task:
    return models.flight_task()


@pytest.fixture(scope="module")
def flight_model(task) -> bytes:
    """A perceptron on flights, preparation included, after one short look at few of them."""
    return to_onnx(models.train_mlp(task.X_train[HASTY], task.late_train[HASTY], (64, 64), epochs=3), 13)


@pytest.fixture(scope="module")
def four() -> tuple[np.ndarray, np.ndarray]:
    """Rows of four numbers, and a class that depends on two of them."""
    X = np.random.default_rng(0).normal(size=(1000, 4)).astype(np.float32)
    return X, X[:, 0] * X[:, 1] > 0


@pytest.fixture(scope="module")
def perceptron(four) -> bytes:
    return to_onnx(MLPClassifier((24, 16), solver="lbfgs", max_iter=300, random_state=0).fit(*four), 4)


@pytest.fixture(scope="module")
def others(four) -> dict[str, bytes]:
    """Models without a matrix of weights."""
    trees = HistGradientBoostingClassifier(max_iter=3).fit(*four)
    return {"trees": to_onnx(trees, 4), "logistic": to_onnx(LogisticRegression().fit(*four), 4)}


def chance(model: bytes, X: np.ndarray, options: Options = AS_SERVED) -> np.ndarray:
    return Interpreter(model, options=options).predict({"input": X})["probability"][:, 1]


def weights(model: bytes) -> list[np.ndarray]:
    """Every constant matrix that something is multiplied by, in order."""
    graph = onnx.load_from_string(model).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return [constants[node.input[1]] for node in graph.node if node.op_type == "MatMul"]


def with_constants(model: bytes, **values: np.ndarray) -> bytes:
    """The model with other numbers under these names."""
    changed = onnx.load_from_string(model)
    for tensor in changed.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name].astype(np.float32), tensor.name))
    return changed.SerializeToString()


# the graph


@pytest.mark.parametrize("level", ["basic", "extended", "all"])
def test_a_rewritten_graph_gives_the_same_answers_and_signature(flight_model, task, level):
    rows = task.X_test[:3000]
    once = optimize.graph(flight_model, level)
    assert np.abs(chance(once, rows, AS_IT_IS) - chance(flight_model, rows, AS_IT_IS)).max() < 1e-6
    assert Interpreter(once, options=AS_IT_IS).signature == Interpreter(flight_model).signature


def test_products_and_sums_become_one_behind_an_imputer_and_a_scaler(flight_model):
    before, after = optimize.operators(flight_model), optimize.operators(optimize.graph(flight_model))
    assert (before["MatMul"], before["Add"]) == (3, 3)
    assert "MatMul" not in after
    assert "Add" not in after
    assert sum(after.values()) < sum(before.values())


def test_off_is_the_model_itself(flight_model):
    assert optimize.graph(flight_model, "off") is flight_model


def test_an_unknown_level_is_told():
    with pytest.raises(ValueError, match="'off', 'basic', 'extended', 'all', not 'fast'"):
        optimize.graph(b"", "fast")


@pytest.mark.parametrize("rewrite", [optimize.graph, optimize.dynamic_int8, optimize.operators])
def test_what_is_no_model_is_refused(rewrite):
    with pytest.raises(InvalidModel):
        rewrite(b"\xff\xff no model")


def test_noted_shapes_are_those_of_the_arrays(flight_model, task):
    """Each shape noted for a number's way through the graph is the one that it has when the graph is run."""
    known = onnx.load_from_string(optimize.with_shapes(flight_model))
    noted = {
        tensor.name: tensor
        for tensor in known.graph.value_info
        if tensor.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    assert {"variable1", "variable2"} <= set(noted)  # behind the imputer, behind the scaler
    del known.graph.output[:]
    known.graph.output.extend(noted.values())
    given = Interpreter(known.SerializeToString(), options=AS_IT_IS).predict({"input": task.X_test[:5]})
    for name, tensor in noted.items():
        shape = [length.dim_value or 5 for length in tensor.type.tensor_type.shape.dim]
        assert list(given[name].shape) == shape, name


# eight bits


@pytest.mark.parametrize("how", ["dynamic", "static"])
def test_int8_is_smaller_and_near(flight_model, task, how):
    rows = task.X_test[:3000]
    if how == "dynamic":
        small = optimize.dynamic_int8(flight_model)
    else:
        small = optimize.static_int8(flight_model, task.X_train[:2000])
    assert Interpreter(small).signature == Interpreter(flight_model).signature
    kinds = [tensor.data_type for tensor in onnx.load_from_string(small).graph.initializer if len(tensor.dims) == 2]
    assert kinds.count(onnx.TensorProto.INT8) == 3
    assert onnx.TensorProto.FLOAT not in kinds
    apart = np.abs(chance(small, rows) - chance(flight_model, rows))
    assert 0 < apart.max() < 0.1
    assert apart.mean() < 0.02


def test_int8_files_are_a_third(four):
    wide = to_onnx(MLPClassifier((256, 256), random_state=0).partial_fit(*four, classes=[False, True]), 4)
    assert len(optimize.dynamic_int8(wide)) < len(wide) / 3
    assert len(optimize.static_int8(wide, four[0])) < len(wide) / 3


def test_only_dynamic_answers_depend_on_who_shares_the_batch(perceptron, four):
    row, far = four[0][:1], np.full((1, 4), 100, np.float32)
    company = np.vstack([row, far])

    def moved(model: bytes) -> float:
        return abs(float(chance(model, row)[0] - chance(model, company)[0]))

    assert moved(optimize.dynamic_int8(perceptron)) > 1e-3
    assert moved(optimize.static_int8(perceptron, four[0])) == 0
    assert moved(perceptron) < 1e-6


def test_the_server_notices_whose_answers_depend_on_company(flight_model, task):
    """And runs its requests one by one."""
    assert not rows_are_independent(Interpreter(optimize.dynamic_int8(flight_model)))
    assert rows_are_independent(Interpreter(optimize.static_int8(flight_model, task.X_train[:2000])))
    assert rows_are_independent(Interpreter(optimize.graph(flight_model), options=AS_IT_IS))


def test_static_cuts_off_what_it_was_not_calibrated_for(perceptron, four):
    small = optimize.static_int8(perceptron, four[0])
    far, farther = (np.array([[x, 0.1, 0.1, 0.1]], np.float32) for x in (50, 500))
    assert chance(small, far) == chance(small, farther)


def test_weights_leave_a_bit_for_processors_whose_sums_would_overflow(perceptron, four):
    for small in (optimize.dynamic_int8(perceptron), optimize.static_int8(perceptron, four[0])):
        for tensor in onnx.load_from_string(small).graph.initializer:
            if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 2:
                assert np.abs(numpy_helper.to_array(tensor).astype(int)).max() <= 64


@pytest.mark.parametrize("name", ["trees", "logistic"])
@pytest.mark.parametrize(
    "rewrite",
    [
        optimize.dynamic_int8,
        lambda model: optimize.static_int8(model, np.zeros((5, 4), np.float32)),
        lambda model: optimize.prune_weights(model, 0.5),
    ],
    ids=["dynamic", "static", "weights"],
)
def test_models_without_matrices_are_refused_in_a_sentence(others, name, rewrite):
    with pytest.raises(CannotRewrite, match=r"multiplies by no constant matrix.*(TreeEnsemble|LinearClassifier)"):
        rewrite(others[name])


def test_nothing_is_left_behind_and_nothing_said(perceptron, four, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    root = logging.getLogger()
    before = list(root.handlers), list(root.filters), root.level
    optimize.graph(optimize.dynamic_int8(perceptron))
    optimize.static_int8(perceptron, four[0])
    assert (list(root.handlers), list(root.filters), root.level) == before
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_root_logger_is_left_alone_when_quantising_fails(perceptron):
    before = list(logging.getLogger().handlers), list(logging.getLogger().filters)
    with pytest.raises(Exception, match=r"(?i)invalid|dimension"):
        optimize.static_int8(perceptron, np.zeros((5, 3), np.float32))
    assert (list(logging.getLogger().handlers), list(logging.getLogger().filters)) == before


# pruning


@pytest.mark.parametrize("share", [0, 0.25, 0.8])
def test_pruned_weights_are_the_smallest_and_the_shapes_stay(perceptron, share):
    for old, new in zip(weights(perceptron), weights(optimize.prune_weights(perceptron, share)), strict=True):
        assert new.shape == old.shape
        gone = new == 0
        assert gone.sum() == round(share * old.size)
        assert np.array_equal(new[~gone], old[~gone])
        if gone.any():
            assert np.abs(old[gone]).max() <= np.abs(old[~gone]).min()


@pytest.mark.parametrize("prune", [optimize.prune_weights, optimize.prune_units])
@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_a_share_that_is_none_is_told(perceptron, prune, share):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        prune(perceptron, share)


def dead(model: bytes, gone: list[np.ndarray]) -> bytes:
    """The model with these units of each hidden layer leading nowhere, or, every second one, coming from nowhere."""
    first, second, last = (matrix.copy() for matrix in weights(model))
    graph = onnx.load_from_string(model).graph
    biases = {
        tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer if "intercepts" in tensor.name
    }
    for units, incoming, bias, outgoing in (
        (gone[0], first, "intercepts", second),
        (gone[1], second, "intercepts1", last),
    ):
        outgoing[units[::2]] = 0
        incoming[:, units[1::2]] = 0
        biases[bias].reshape(-1)[units[1::2]] = 0
    return with_constants(model, coefficient=first, coefficient1=second, coefficient2=last, **biases)


def test_without_its_dead_units_a_network_is_the_same(perceptron, four):
    draw = np.random.default_rng(5)
    idle = dead(perceptron, [draw.permutation(24)[:12], draw.permutation(16)[:8]])
    small = optimize.prune_units(idle, 0.5)
    assert [matrix.shape for matrix in weights(small)] == [(4, 12), (12, 8), (8, 1)]
    assert np.abs(chance(small, four[0]) - chance(idle, four[0])).max() < 1e-6


def test_units_go_by_what_comes_in_times_what_goes_out(perceptron):
    first, _, _ = weights(perceptron)
    second = np.zeros((24, 16), np.float32)
    second[:, 0] = np.linspace(1, 2, 24)
    second[7, 0] = 0.01  # the third to go but for what comes in
    first, bias = np.ones_like(first), np.zeros((1, 24))
    first[:, 7] = 1e4
    bias[0, 3] = 1e6  # a bias comes in as well
    kept = weights(
        optimize.prune_units(with_constants(perceptron, coefficient=first, coefficient1=second, intercepts=bias), 0.5)
    )
    left = set(kept[1][:, 0])
    assert len(left) == 12
    assert {np.float32(0.01), second[3, 0], second[23, 0]} <= left
    assert second[0, 0] not in left


def test_one_unit_of_a_layer_stays(perceptron, four):
    small = optimize.prune_units(perceptron, 0.999)
    assert [matrix.shape for matrix in weights(small)] == [(4, 1), (1, 1), (1, 1)]
    assert np.isfinite(chance(small, four[0])).all()


def test_pruned_and_then_quantised_and_then_rewritten(flight_model, task):
    small = optimize.prune_units(flight_model, 0.25)
    rows = task.X_test[:500]
    last = optimize.graph(optimize.dynamic_int8(small))
    assert np.abs(chance(last, rows, AS_IT_IS) - chance(small, rows)).max() < 0.1


def test_units_are_refused_where_the_structure_is_another(others, perceptron, four):
    network = MLPClassifier((4,), random_state=0).partial_fit(*four, classes=[False, True])
    single = to_onnx(network, 4)
    assert weights(optimize.prune_units(single, 0.5))[0].shape == (4, 2)  # the smallest that is taken
    for model in (*others.values(), onnx_models.times()):
        with pytest.raises(CannotRewrite, match="hidden layer"):
            optimize.prune_units(model, 0.5)
    for model in (
        optimize.graph(perceptron),
        optimize.dynamic_int8(perceptron),
        optimize.static_int8(perceptron, four[0]),
    ):
        with pytest.raises(CannotRewrite):
            optimize.prune_units(model, 0.5)


def test_units_are_refused_where_layers_branch():
    """Relu(x @ a + c) is read twice: taking units out would change a second path."""
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        helper.make_node("Add", ["h", "c"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("MatMul", ["r", "b"], ["g"]),
        helper.make_node("Add", ["g", "d"], ["e"]),
        helper.make_node("Add", ["e", "r"], ["y"]),
    ]
    square = np.ones((3, 3), np.float32)
    constants = {"a": square, "b": square, "c": square[:1], "d": square[:1]}
    residual = onnx_models.model(nodes, {"x": ("FP32", ["n", 3])}, {"y": ("FP32", ["n", 3])}, **constants)
    with pytest.raises(CannotRewrite, match="should follow a Relu, and MatMul and Add does"):
        optimize.prune_units(residual, 0.5)


# a small model that learns from a large one


def test_a_student_says_nearly_what_its_teacher_says(task):
    X, late = task.X_train[::50], task.late_train[::50]
    teacher = models.chance(models.train_trees(X, late), X)
    student = optimize.distil(teacher, X, (16,), epochs=40)
    assert Interpreter(student).signature == Interpreter(to_onnx(models.train_logistic(X, late), 13)).signature
    said = chance(student, X)
    assert np.abs(said - teacher).mean() < 0.6 * np.abs(teacher - teacher.mean()).mean()
    assert abs(said.mean() - teacher.mean()) < 0.03
    assert len(student) < 15_000


def test_soft_targets_are_what_is_learned(task):
    """A teacher who says 0.3 of all makes a student who says 0.3, where labels cut at 0.5 would make one who says 0."""
    X = task.X_train[::50]
    said = chance(optimize.distil(np.full(len(X), 0.3), X, (8,), epochs=40), X)
    assert np.abs(said - 0.3).mean() < 0.05


def test_the_same_seed_gives_the_same_student_and_another_another(task):
    X = task.X_train[::500]
    said = np.linspace(0, 1, len(X))
    answers = [chance(optimize.distil(said, X, (4,), epochs=1, seed=seed), X) for seed in (0, 0, 1)]
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (np.full((9, 2), 0.5), "one probability a row"),
        (np.full(10, np.nan), "from 0 to 1"),
        (np.full(10, 1.5), "from 0 to 1"),
    ],
)
def test_what_is_no_teacher_is_told(task, said, why):
    with pytest.raises(ValueError, match=why):
        optimize.distil(said, task.X_train[:10])


def test_training_warns_of_nothing_and_is_repeatable(task):
    X, late = task.X_train[::50], task.late_train[::50]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (models.chance(models.train_mlp(X, late, (8,), epochs=15, seed=3), X) for _ in range(2))
    assert np.array_equal(first, second)
    assert models.score(late, first, late.mean()).auc > 0.6
    assert not np.array_equal(first, models.chance(models.train_mlp(X, late, (8,), epochs=2, seed=3), X))


def test_weights_say_what_a_row_counts(task):
    X, late = task.X_train[HASTY], task.late_train[HASTY]
    often, seldom = (
        models.chance(models.train_mlp(X, late, (8,), epochs=60, weight=np.where(late, much, 1.0)), X).mean()
        for much in (20, 0.05)
    )
    assert often > 0.7
    assert seldom < 0.3
