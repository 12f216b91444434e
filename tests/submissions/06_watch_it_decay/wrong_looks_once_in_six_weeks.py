"""
student = "elke"
kind = "wrong"
what = "Leaves ADWIN its clock of 32 values."
[loses]
test_ErrorWatch_rise = 2
"""
# %% [exercises] ErrorWatch
from river import drift


class ErrorWatch:
    """ADWIN with river's own settings, on daily means in standard deviations of the reference."""

    def __init__(self, reference):
        means = [float(day.mean()) for day in reference if len(day)]
        self.shift, self.scale = np.mean(means), np.std(means)
        self.adwin = drift.ADWIN()
        self.quiet, self.longest = 0, 0
        for day in reference:
            self.longest = max(self.longest, self.step(day))

    def step(self, errors):
        if len(errors):
            self.quiet = 0
            self.adwin.update(float(errors.mean() - self.shift) / self.scale)
        else:
            self.quiet += 1
        return self.quiet

    def day(self, errors):
        if self.step(errors):
            return "feed" if self.quiet > self.longest else None
        return "error" if self.adwin.drift_detected else None
