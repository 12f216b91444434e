"""modelserving.metrics: text that Prometheus reads."""

from __future__ import annotations

from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from modelserving.metrics import Histogram, ModelMetrics, render


def read(text: str) -> dict[tuple[str, frozenset], float]:
    """Values by name and labels, as Prometheus' own parser sees them."""
    families = list(text_string_to_metric_families(text))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(found: dict, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_what_was_counted_can_be_read():
    model = ModelMetrics()
    model.statuses.update({200: 3, 400: 1})
    model.observe_batch(3, 0.25)
    model.observe_batch(2000, 0.5)
    model.request_seconds.observe(0.003)
    key = ("late", "2")
    found = read(render({key: model}, {key: 5}, Counter({404: 2})))
    late = {"model": "late", "version": "2"}
    assert value(found, "modelserving_infer_requests_total", **late, status="200") == 3
    assert value(found, "modelserving_infer_requests_total", **late, status="400") == 1
    assert value(found, "modelserving_other_requests_total", status="404") == 2
    assert value(found, "modelserving_batch_rows_bucket", **late, le="2") == 0
    assert value(found, "modelserving_batch_rows_bucket", **late, le="4") == 1
    assert value(found, "modelserving_batch_rows_bucket", **late, le="1024") == 1
    assert value(found, "modelserving_batch_rows_bucket", **late, le="+Inf") == 2
    assert value(found, "modelserving_batch_rows_sum", **late) == 2003
    assert value(found, "modelserving_batch_rows_count", **late) == 2
    assert value(found, "modelserving_run_seconds_total", **late) == 0.75
    assert value(found, "modelserving_request_seconds_bucket", **late, le="0.005") == 1
    assert value(found, "modelserving_request_seconds_bucket", **late, le="0.0025") == 0
    assert value(found, "modelserving_queue_rows", **late) == 5
    assert value(found, "modelserving_model_ready", **late) == 1
    assert value(found, "process_resident_memory_bytes") > 10_000_000
    assert value(found, "process_cpu_seconds_total") > 0
    assert value(found, "process_start_time_seconds") > 1.7e9


def test_nothing_counted_is_valid_too():
    assert {name for name, _ in read(render({}, {}, Counter()))} == {
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
    }


def test_a_version_that_is_no_longer_served_keeps_its_counts():
    model = ModelMetrics()
    model.statuses[200] = 1
    found = read(render({("late", "1"): model}, {}, Counter()))
    assert value(found, "modelserving_infer_requests_total", model="late", version="1", status="200") == 1
    assert not any(name == "modelserving_model_ready" for name, _ in found)


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "é", "a{b}"])
def test_any_name_survives(name):
    model = ModelMetrics()
    model.statuses[200] = 1
    found = read(render({(name, "1"): model}, {}, Counter()))
    assert value(found, "modelserving_infer_requests_total", model=name, version="1", status="200") == 1


def test_an_observation_on_a_bound_counts_below_it():
    histogram = Histogram((1, 2))
    for observed in (1, 1.5, 2, 3):
        histogram.observe(observed)
    assert (histogram.counts, histogram.sum) == ([1, 2, 1], 7.5)
