"""This course's monitors over rows in memory: ``with_modelserving.py IN.npz``. PSI and Kolmogorov–Smirnov distance of
each column, window by window, and both detectors on the windows' mean errors.
"""

import sys

import numpy as np
from measured import Meter

from modelserving import drift
from modelserving.monitor import ADWIN_SPAN, FREAK, PAGE_HINKLEY

given = np.load(sys.argv[1])
reference, windows = given["reference"], given["windows"]
wrong = np.abs(given["labels"] - given["answers"])
drift.adwin(np.zeros(100))  # imports what it needs
meter = Meter()
known = [drift.refer(column) for column in reference.T]
scores = np.empty((len(windows), len(known), 2))
for window, found in zip(windows, scores, strict=True):
    for place, of in enumerate(known):
        column = window[:, place]
        found[place] = drift.psi(of, column), drift.ks(of, column).statistic
error = wrong.mean(axis=1)
spread = drift.standardise(error, error[:30])
alarms = len(drift.page_hinkley(spread.clip(-FREAK, FREAK), **PAGE_HINKLEY)) + len(drift.adwin(spread / ADWIN_SPAN))
meter.tell(wrong.size, alarms=alarms)
