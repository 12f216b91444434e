"""river's ADWIN as it comes, row by row: ``with_river.py IN.npz COLUMNS``, on the error of each prediction and on the
first so many columns.
"""

import sys

import numpy as np
from measured import Meter
from river.drift import ADWIN

given, columns = np.load(sys.argv[1]), int(sys.argv[2])
windows = given["windows"]
wrong = np.abs(given["labels"] - given["answers"])
meter = Meter()
alarms = 0
detectors = [ADWIN() for _ in range(columns + 1)]
for rows, errors in zip(windows, wrong, strict=True):
    for row, error in zip(rows[:, :columns].tolist(), errors.tolist(), strict=True):
        for detector, value in zip(detectors, (error, *row), strict=True):
            detector.update(value)
            alarms += detector.drift_detected
meter.tell(wrong.size, alarms=alarms)
