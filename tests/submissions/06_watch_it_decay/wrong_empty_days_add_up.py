"""
student = "valeria"
kind = "wrong"
what = "Counts empty days since the beginning, not in a row."
[loses]
test_ErrorWatch_feed = 1
"""
# %% [exercises] ErrorWatch
class ErrorWatch:

    def __init__(self, reference):
        means = [day.mean() for day in reference if len(day)]
        medians = [np.median(means[first : first + 9]) for first in range(len(means) - 8)]
        self.limit = 1.1 * max(medians)
        self.recent = deque(maxlen=9)
        self.empty, self.longest, run = 0, 0, 0
        for day in reference:
            run = 0 if len(day) else run + 1
            self.longest = max(self.longest, run)

    def day(self, errors):
        if len(errors) == 0:
            self.empty += 1
            return "feed" if self.empty > self.longest else None
        self.recent.append(errors.mean())
        full = len(self.recent) == self.recent.maxlen
        return "error" if full and np.median(self.recent) > self.limit else None
