"""modelserving.variants: reports, gates, the choice between variants; nothing depends on how long it took."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from modelserving import optimize, variants
from modelserving.export import to_onnx
from modelserving.interpreter import Interpreter, InvalidInput, Options
from modelserving.variants import (
    Choice,
    Gate,
    Report,
    Variant,
    flipped,
    frontier,
    largest_change,
    measure,
    select,
    table,
)


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(700, 4)).astype(np.float32)
    return X, X[:, 0] + X[:, 1] ** 2 > 0.5


@pytest.fixture(scope="module")
def perceptron(rows) -> bytes:
    return to_onnx(MLPClassifier((16,), solver="lbfgs", max_iter=200, random_state=0).fit(*rows), 4)


@pytest.fixture(scope="module")
def reports(rows, perceptron) -> dict[str, Report]:
    """Of a perceptron, the same one rewritten, half of it, and a plain line."""
    made = {
        "baseline": Variant(perceptron, Options(optimise=False)),
        "rewritten": Variant(perceptron),
        "half": Variant(optimize.prune_units(perceptron, 0.5)),
        "line": Variant(to_onnx(LogisticRegression().fit(*rows), 4)),
    }
    return measure(made, *rows, batches=(1, 300), rounds=2)


# measure


def test_each_variant_has_a_report_in_order(reports, perceptron):
    assert list(reports) == [report.name for report in reports.values()] == ["baseline", "rewritten", "half", "line"]
    for report in reports.values():
        assert list(report.latency) == list(report.cpu) == [1, 300]
        assert all(seconds > 0 for seconds in (*report.latency.values(), *report.cpu.values()))
    assert reports["baseline"].bytes == reports["rewritten"].bytes == len(perceptron) > reports["half"].bytes


def test_quality_is_that_of_the_variant_s_own_answers(reports, rows, perceptron):
    X, late = rows
    said = Interpreter(perceptron).predict({"input": X})["probability"][:, 1]
    line = Interpreter(to_onnx(LogisticRegression().fit(X, late), 4)).predict({"input": X})["probability"][:, 1]
    assert reports["baseline"].auc == pytest.approx(roc_auc_score(late, said), abs=1e-6)
    assert reports["line"].auc == pytest.approx(roc_auc_score(late, line), abs=1e-6)
    assert reports["baseline"].log_loss < reports["line"].log_loss
    assert reports["line"].largest_change == pytest.approx(np.abs(line - said).max(), abs=1e-5)
    assert reports["line"].flipped == ((line >= 0.5) != (said >= 0.5)).sum() > 0


def test_the_reference_has_not_changed(reports):
    assert (reports["baseline"].largest_change, reports["baseline"].flipped) == (0, 0)
    assert reports["rewritten"].largest_change < 1e-6


def test_operators_are_those_that_run(reports, perceptron):
    assert reports["baseline"].operators == optimize.operators(perceptron)
    assert sum(reports["rewritten"].operators.values()) < sum(reports["baseline"].operators.values())
    assert "LinearClassifier" in reports["line"].operators


def test_another_reference(rows, perceptron):
    made = {"a": Variant(perceptron), "b": Variant(optimize.prune_units(perceptron, 0.75))}
    found = measure(made, *rows, reference="b", batches=(7,), rounds=1)
    assert found["b"].largest_change == 0 < found["a"].largest_change


def test_quality_is_measured_in_the_largest_batch(rows, perceptron):
    """A dynamically quantised model says another thing in other company, so the report follows the batch."""
    made = {"baseline": Variant(perceptron), "int8": Variant(optimize.dynamic_int8(perceptron))}
    alone, together = (measure(made, *rows, batches=(size,), rounds=1)["int8"].log_loss for size in (1, 700))
    assert alone != together


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"reference": "none"}, "the reference 'none' is not among the variants: 'baseline'"),
        ({"batches": (1, 701)}, r"between 1 and the 700 rows at hand, not \[1, 701\]"),
        ({"batches": (0, 5)}, "between 1 and the 700"),
        ({"batches": ()}, "between 1 and the 700"),
    ],
)
def test_what_cannot_be_measured_is_told(rows, perceptron, how, why):
    with pytest.raises(ValueError, match=why):
        measure({"baseline": Variant(perceptron)}, *rows, **how)


def test_rows_of_another_width_are_told(rows, perceptron):
    with pytest.raises(InvalidInput, match="shape"):
        measure({"baseline": Variant(perceptron)}, rows[0][:, :3], rows[1], batches=(1,))


def test_a_variant_s_bytes_are_not_printed(perceptron):
    assert len(repr(Variant(perceptron))) < 100


def test_a_clock_that_is_known_gives_the_time_of_one_call(monkeypatch):
    """Each call takes 4 ms on this clock, of which the processor is at it for 1."""
    now = [0.0]

    class Model:
        def run(self, inputs):
            now[0] += 0.004

    monkeypatch.setattr(variants.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(variants.time, "process_time", lambda: now[0] / 4)
    assert variants.timed(Model(), {}) == pytest.approx((0.004, 0.001))


# what a report says


def made(name: str = "m", **values) -> Report:
    usual = {"bytes": 1000, "operators": {}, "latency": {1: 1e-4, 100: 1e-3}, "cpu": {1: 1e-4, 100: 2e-3}}
    return Report(name, **(usual | {"log_loss": 0.5, "auc": 0.7, "largest_change": 0.1, "flipped": 3} | values))


def test_throughput_and_processor_time_are_those_of_the_largest_batch():
    assert made().rows_per_second == pytest.approx(100_000)
    assert made().cpu_us_per_row == pytest.approx(20)


def test_changes_count_rows_on_the_other_side():
    p, q = np.array([0.1, 0.49, 0.5, 0.9]), np.array([0.2, 0.5, 0.5, 0.4])
    assert largest_change(p, q) == pytest.approx(0.5)
    assert flipped(p, q) == 2
    assert flipped(p, q, threshold=0.15) == 1


def test_the_table_has_a_line_for_each(reports):
    lines = table(reports).splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert "300 rows" in lines[0]
    assert lines[3].startswith("half ")
    assert f"{reports['half'].auc:.4f}" in lines[3]


# gates and the choice


GATES = [Gate("auc", at_least=0.69), Gate("largest_change", at_most=0.2)]


def test_the_least_of_what_passes_all_gates_is_taken():
    found = {
        "dear": made(cpu={100: 9e-3}),
        "cheap": made(cpu={100: 3e-3}),
        "bad": made(cpu={100: 1e-3}, auc=0.6),
        "worse": made(cpu={100: 1e-3}, auc=0.6, largest_change=0.3),
    }
    low, moved = "auc is 0.6, and at least 0.69 is needed", "largest_change is 0.3, and at most 0.2 is allowed"
    assert select(found, GATES) == Choice("cheap", {"bad": [low], "worse": [low, moved]})
    assert select(found, []).name == "bad"


def test_better_than_good_enough_buys_nothing():
    found = {"best": made(auc=0.99, bytes=1001), "enough": made(auc=0.69, bytes=1000)}
    assert select(found, GATES, "bytes").name == "enough"


def test_gates_let_their_own_value_pass():
    assert select({"a": made(auc=0.69, largest_change=0.2)}, GATES) == Choice("a", {})


def test_among_equals_the_first_is_taken():
    assert select({"b": made(), "a": made()}, []).name == "b"
    assert select({"a": made(), "b": made()}, []).name == "a"


def test_nothing_passes_and_each_has_its_reason():
    choice = select({"a": made(auc=0.1), "b": made(largest_change=1)}, GATES)
    assert choice.name is None
    assert set(choice.refused) == {"a", "b"}
    assert select({}, GATES) == Choice(None, {})


def test_what_is_no_number_passes_no_gate():
    nan = made(auc=math.nan, largest_change=math.nan)
    assert len(select({"a": nan}, GATES).refused["a"]) == 2
    assert select({"a": made()}, [Gate("auc", at_least=0.1, at_most=0.69)]).name is None


def test_one_batch_s_latency_and_functions_of_a_report():
    def kilobytes(report: Report) -> float:
        return report.bytes / 1000

    found = {"a": made(bytes=9000), "b": made(latency={1: 5e-4, 100: 1e-3})}
    assert select(found, [Gate("latency[1]", at_most=2e-4)]).refused == {
        "b": ["latency[1] is 0.0005, and at most 0.0002 is allowed"]
    }
    assert select(found, [Gate(kilobytes, at_most=5)]).refused == {"a": ["kilobytes is 9, and at most 5 is allowed"]}
    assert select(found, [], kilobytes).name == "b"
    assert select(found, [], "latency[1]").name == "a"


@pytest.mark.parametrize(
    "what", ["speed", "latency", "latency[7]", "latency[]", "latency[x]", "auc[1]x", "name", "operators", ""]
)
def test_a_name_that_no_report_has_is_told(what):
    with pytest.raises(ValueError, match=r"a report has no number .* batches 1, 100"):
        select({"a": made()}, [Gate(what, at_most=1)])


def test_the_frontier_is_what_no_other_beats_in_both():
    def at(cpu: float, auc: float) -> Report:
        return made(cpu={100: cpu}, auc=auc)

    found = {"dear": at(5, 0.8), "twin": at(1, 0.7), "first": at(1, 0.7), "loses": at(3, 0.65), "same": at(6, 0.8)}
    assert frontier(found) == ["twin", "dear"]
    assert frontier(found | {"weak": at(0.5, 0.5)}) == ["weak", "twin", "dear"]
    assert frontier({"a": replace(made(), bytes=2), "b": replace(made(), bytes=1)}, cost="bytes") == ["b"]
    assert frontier({}) == []
