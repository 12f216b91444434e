"""This course's monitor over a log of its own: ``with_log.py IN.npz LOG`` keeps a million predictions with their labels
in LOG if it is not there, and otherwise reads it and reports on it, day by day.
"""

import sys
from pathlib import Path

import numpy as np
from measured import Meter

from modelserving import drift, monitor
from modelserving.store import Record, Store

MODEL, ROWS = "flights", 100  # in a request
START = np.datetime64("2026-01-01", "us")


def fill(store: Store, day: int, rows: np.ndarray, answers: np.ndarray, labels: np.ndarray) -> None:
    """Keep one day's requests, and their labels."""
    time = START + np.timedelta64(day, "D")
    places = range(0, len(rows), ROWS)
    ids = [f"{day}-{place}" for place in places]
    store.log(
        Record(
            MODEL, "1", {"X": rows[i : i + ROWS]}, {"probability": answers[i : i + ROWS]}, name, int(time.astype(int))
        )
        for name, i in zip(ids, places, strict=True)
    )
    store.label(MODEL, ids, labels.reshape(-1, ROWS), time + np.timedelta64(1, "D"))


given, path = np.load(sys.argv[1]), Path(sys.argv[2])
drift.adwin(np.zeros(100))  # imports what it needs
if not path.exists():
    windows, answers, labels = given["windows"], given["answers"], given["labels"]
    meter = Meter()
    with Store(path) as store:
        for day, rows in enumerate(windows):
            fill(store, day, rows, answers[day], labels[day])
    meter.tell(labels.size, file_mb=path.stat().st_size / 1e6)
else:
    count = given["labels"].size
    meter = Meter()
    with Store(path) as store:
        found = monitor.report(store, MODEL, in_control=60)
    meter.tell(count, alarms=sum(len(one.alarms) for one in found.monitors.values()))
