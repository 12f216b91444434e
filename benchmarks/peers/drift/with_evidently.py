"""Evidently's data drift preset as it comes: ``with_evidently.py IN.npz`` prints what it found and took, as JSON.

``reference`` is (rows, columns), ``windows`` (windows, rows, columns), rows of NaN are none. Each window is compared
with the reference, or with its own of ``references`` (windows, rows, columns). By default there is a test for each
column, chosen by its kind and the number of rows, and the table has drifted when half of its columns have.
"""

import sys

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from measured import Meter


def table(rows: np.ndarray) -> Dataset:
    rows = rows[~np.isnan(rows).all(axis=1)]
    names = [f"c{place}" for place in range(rows.shape[1])]
    return Dataset.from_pandas(pd.DataFrame(rows, columns=names), DataDefinition(numerical_columns=names))


def drifted(found: dict) -> tuple[bool, bool]:
    """Has the table drifted, and has any column of it?"""
    counted = next(
        one["value"] for one in found["metrics"] if "DriftedColumnsCount" in str(one.get("metric_name", one))
    )
    return bool(counted["share"] >= 0.5), bool(counted["count"] > 0)


given = np.load(sys.argv[1])
windows = given["windows"]
report = Report([DataDriftPreset()])
known = None if "references" in given else table(given["reference"])
meter = Meter()
verdicts = []
for place, window in enumerate(windows):
    reference = known if known is not None else table(given["references"][place])
    verdicts.append(drifted(report.run(table(window), reference).dict()))
meter.tell(windows.shape[0] * windows.shape[1], table=[one for one, _ in verdicts], column=[one for _, one in verdicts])
