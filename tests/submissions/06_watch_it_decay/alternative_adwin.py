"""
student = "gento"
kind = "alternative"
what = "ADWIN from river for the errors, an average that forgets for the policy; the rest as the reference."
"""
# %% [exercises] ErrorWatch
from river import drift


class ErrorWatch:
    """ADWIN with river's own settings but for its clock, on daily means in standard deviations of the reference."""

    def __init__(self, reference):
        means = [float(day.mean()) for day in reference if len(day)]
        self.shift, self.scale = np.mean(means), np.std(means)
        self.adwin = drift.ADWIN(clock=1)
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


# %% [exercises] Policy
class Policy:
    """An average that forgets, of the errors of the model that serves, against the reference's."""

    def __init__(self, reference, price, delay):
        self.level = float(np.mean(reference))
        self.price, self.delay = price, delay
        self.mine, self.days, self.waiting = self.level, [], 0

    def day(self, today, errors):
        for day, error in sorted(errors):
            self.days.append(day)
            if day >= self.waiting:
                self.mine += 0.25 * (error - self.mine)
        if self.mine < 1.2 * self.level or len(self.days) < 8:
            return None
        self.mine, self.waiting = self.level, today
        return {"train": tuple(self.days[-7:-2]), "check": range(self.days[-2], self.days[-1] + 1)}
