"""
student = "mirko"
kind = "wrong"
what = "Takes every day into the reference, the last thirty count: what moved is the new normal at once."
[loses]
test_InputWatch = 1
test_InputWatch_quiet = 2
test_InputWatch_moved = 1
"""
# %% [exercises] InputWatch
class InputWatch:
    def __init__(self, reference):
        self.days = list(reference)
        self.repeats = {name: any(self._repeats(day[name]) for day in reference) for name in reference[0]}

    def day(self, columns):
        said = {}
        self.days = [*self.days, columns][-30:]
        for name, values in columns.items():
            means = np.array([day[name].mean() for day in self.days])
            if self._repeats(values) and not self.repeats[name]:
                said[name] = "stuck"
            elif abs(means[-5:].mean() - means.mean()) > 3 * means.std():
                said[name] = "moved"
        return said

    def _repeats(self, values):
        return 2 * np.unique(values, return_counts=True)[1].max() > len(values)
