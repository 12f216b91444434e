"""What a server counts about itself, in the text format that Prometheus reads.

Format: https://prometheus.io/docs/instrumenting/exposition_formats. Everything is counted in the event loop's thread.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelserving.fleet import Fleet

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
STARTED = time.time()

Labels = dict[str, str]


class Histogram:
    """How many observations were at most each of ``bounds``, ascending; and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class ModelMetrics:
    """What is counted about one version of a model."""

    __slots__ = ("batch_rows", "dropped", "request_seconds", "run_seconds", "statuses")

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()  # requests for a prediction, by the status of their answer
        self.request_seconds = Histogram(SECONDS)  # from the request's head to its answer, for those that got 200
        self.dropped: Counter[str] = Counter()  # those that were not computed, by reason; see batching.Batcher
        self.batch_rows = Histogram(ROWS)
        self.run_seconds = 0.0  # in the model

    def observe_batch(self, rows: int, seconds: float) -> None:
        """Count one run of the model."""
        self.batch_rows.observe(rows)
        self.run_seconds += seconds


def render(
    models: dict[tuple[str, str], ModelMetrics],
    waiting: dict[tuple[str, str], int],
    others: Counter[int],
    fleet: Fleet | None = None,
) -> str:
    """All metrics as text. ``models`` by name and version, ``waiting`` the rows in the queues of those loaded now,
    ``others`` the requests that were not for a prediction of a known model, by status; ``fleet`` where there is one.
    """
    labels = {key: {"model": key[0], "version": key[1]} for key in models}
    requests = [(labels[k] | {"status": str(s)}, n) for k, m in models.items() for s, n in sorted(m.statuses.items())]
    dropped = [(labels[k] | {"reason": why}, n) for k, m in models.items() for why, n in sorted(m.dropped.items())]
    lines = [
        *block("infer_requests_total", "counter", "Requests for a prediction, by status.", requests),
        *block(
            "other_requests_total",
            "counter",
            "All other requests, by status.",
            [({"status": str(status)}, count) for status, count in sorted(others.items())],
        ),
        *block(
            "dropped_requests_total",
            "counter",
            "Requests not computed: queue full, late on arrival, expired in the queue, cancelled by the client.",
            dropped,
        ),
        *histograms(
            "request_seconds",
            "Time from the head of a request for a prediction to its answer, where that was one.",
            [(labels[key], model.request_seconds) for key, model in models.items()],
        ),
        *histograms(
            "batch_rows", "Rows in a run of the model.", [(labels[key], m.batch_rows) for key, m in models.items()]
        ),
        *block(
            "run_seconds_total",
            "counter",
            "Time in the model.",
            [(labels[k], m.run_seconds) for k, m in models.items()],
        ),
        *block("queue_rows", "gauge", "Rows that wait now.", [(labels[key], rows) for key, rows in waiting.items()]),
        *block("model_ready", "gauge", "1 for each version that is served.", [(labels[key], 1) for key in waiting]),
        *(of_fleet(fleet) if fleet else ()),
        *process(),
    ]
    return "\n".join(lines) + "\n"


def of_fleet(fleet: Fleet) -> list[str]:
    """Who was needed, loaded and evicted, and what the models take."""
    about, ready = sorted(fleet.counts.copy().items()), sorted(fleet.ready().items())

    def total(name: str, help: str, field: str) -> list[str]:
        return block(name, "counter", help, [({"model": model}, getattr(counts, field)) for model, counts in about])

    limits = [("models", fleet.budget.models), ("bytes", fleet.budget.bytes)]
    held = [("models", fleet.models), ("bytes", fleet.bytes)]
    return [
        *total("model_requests_total", "Requests that needed the model.", "requests"),
        *total("model_hits_total", "Of these, those that found it loaded.", "hits"),
        *total("model_loads_total", "Loads, failed ones too.", "loads"),
        *total("model_load_failures_total", "Loads that failed.", "failures"),
        *total("model_load_seconds_total", "Time in loads.", "load_seconds"),
        *total("model_evictions_total", "How often it had to leave for another.", "evictions"),
        *block(
            "model_loaded_bytes",
            "gauge",
            "What a loaded model is reckoned to take.",
            [({"model": name}, holding.bytes) for name, holding in ready],
        ),
        *block("fleet_held", "gauge", "Loaded, loading or leaving now.", [({"unit": u}, n) for u, n in held]),
        *block("fleet_budget", "gauge", "What may be held at most.", [({"unit": u}, n) for u, n in limits if n]),
    ]


def process() -> list[str]:
    """Memory, processor time and start of this process, under the names that Prometheus' own clients use."""
    import psutil  # only when asked: it would make every start slower

    memory = psutil.Process().memory_info().rss
    return [
        *block("process_resident_memory_bytes", "gauge", "Resident memory.", [({}, memory)], prefix=""),
        *block("process_cpu_seconds_total", "counter", "Processor time.", [({}, time.process_time())], prefix=""),
        *block("process_start_time_seconds", "gauge", "Start, since 1970.", [({}, STARTED)], prefix=""),
    ]


def block(
    name: str, kind: str, help: str, samples: Iterable[tuple[Labels, float]], prefix: str = "modelserving_"
) -> list[str]:
    """The lines of one metric: what it is, and a value for each set of labels."""
    name = prefix + name
    return [*heading(name, kind, help), *(sample(name, labels, value) for labels, value in samples)]


def histograms(name: str, help: str, samples: Iterable[tuple[Labels, Histogram]]) -> list[str]:
    """The lines of one histogram: cumulative counts by upper bound, sum and count."""
    name = f"modelserving_{name}"
    lines = heading(name, "histogram", help)
    for labels, histogram in samples:
        total = 0
        for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
            total += count
            lines.append(sample(f"{name}_bucket", labels | {"le": str(bound)}, total))
        lines += [sample(f"{name}_sum", labels, histogram.sum), sample(f"{name}_count", labels, total)]
    return lines


def heading(name: str, kind: str, help: str) -> list[str]:
    """The two lines ahead of a metric's values."""
    return [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]


def sample(name: str, labels: Labels, value: float) -> str:
    """One value."""
    inside = ",".join(f'{key}="{escape(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def escape(text: str) -> str:
    """A label's value as it stands between quotes."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
