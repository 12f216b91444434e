"""
student = "radu"
kind = "wrong"
what = "Rings by the mean of the last ninety days."
[loses]
test_ErrorWatch = 1
test_ErrorWatch_quiet = 1
test_ErrorWatch_rise = 2
"""
# %% [exercises] ErrorWatch
class ErrorWatch:

    def __init__(self, reference):
        means = [day.mean() for day in reference if len(day)]
        medians = [np.mean(means[first : first + 90]) for first in range(len(means) - 89)]
        self.limit = 1.5 * max(medians)
        self.recent = deque(maxlen=90)
        self.empty, self.longest, run = 0, 0, 0
        for day in reference:
            run = 0 if len(day) else run + 1
            self.longest = max(self.longest, run)

    def day(self, errors):
        if len(errors) == 0:
            self.empty += 1
            return "feed" if self.empty > self.longest else None
        self.empty = 0
        self.recent.append(errors.mean())
        full = len(self.recent) == self.recent.maxlen
        return "error" if full and np.mean(self.recent) > self.limit else None
