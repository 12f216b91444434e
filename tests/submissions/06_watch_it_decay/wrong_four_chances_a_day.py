"""
student = "jasmin"
kind = "wrong"
what = "Gives each column its own two alarms in a hundred days."
[loses]
test_InputWatch_quiet = 2
"""
# %% [exercises] InputWatch
class InputWatch:

    def __init__(self, reference):
        self.center, self.scale, self.limit, self.recent, self.repeats = {}, {}, {}, {}, {}
        for name in reference[0]:
            means = np.array([day[name].mean() for day in reference])
            self.center[name], self.scale[name] = means.mean(), max(means.std(), 1e-12)
            scores = (means - means.mean()) / self.scale[name]
            self.limit[name] = np.quantile(np.abs(scores), 0.98)
            self.recent[name] = deque(maxlen=1)
            self.repeats[name] = any(self._repeats(day[name]) for day in reference)

    def day(self, columns):
        said = {}
        for name, values in columns.items():
            if self._repeats(values) and not self.repeats[name]:
                said[name] = "stuck"
                continue
            self.recent[name].append((values.mean() - self.center[name]) / self.scale[name])
            if len(self.recent[name]) == 1 and abs(np.mean(self.recent[name])) > self.limit[name]:
                said[name] = "moved"
        return said

    def _repeats(self, values):
        return 2 * np.unique(values, return_counts=True)[1].max() > len(values)
