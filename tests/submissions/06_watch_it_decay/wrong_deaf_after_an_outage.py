"""
student = "paulina"
kind = "wrong"
what = "Takes the mean of a day without labels into its average: NaN, for ever."
[loses]
test_ErrorWatch = 1
test_ErrorWatch_quiet = 1
test_ErrorWatch_rise = 2
"""
# %% [exercises] ErrorWatch
class ErrorWatch:
    def __init__(self, reference):
        means = np.array([day.mean() for day in reference if len(day)])
        self.average = means.mean()
        self.limit = means.mean() + 4 * means.std() * math.sqrt(0.1 / 1.9)
        runs = "".join("x" if len(day) else " " for day in reference).split("x")
        self.empty, self.longest = 0, max(map(len, runs))

    def day(self, errors):
        with np.errstate(invalid="ignore"):
            self.average = 0.9 * self.average + 0.1 * errors.sum() / np.float64(len(errors))
        self.empty = 0 if len(errors) else self.empty + 1
        if self.empty > self.longest:
            return "feed"
        return "error" if self.average > self.limit else None
