"""
student = "giorgos"
kind = "wrong"
what = "Holds each day against all rows of the past, with PSI above 0.25."
[loses]
test_InputWatch = 1
test_InputWatch_quiet = 2
test_InputWatch_moved = 1
"""
# %% [exercises] InputWatch
class InputWatch:
    def __init__(self, reference):
        self.edges, self.shares, self.repeats = {}, {}, {}
        for name in reference[0]:
            rows = np.concatenate([day[name] for day in reference])
            self.edges[name] = np.unique(np.quantile(rows, np.arange(1, 10) / 10))
            self.shares[name] = self._shares(name, rows)
            self.repeats[name] = any(self._repeats(day[name]) for day in reference)

    def _shares(self, name, rows):
        edges = self.edges[name]
        counts = np.bincount(np.searchsorted(edges, rows, side="right"), minlength=len(edges) + 1)
        return np.maximum(counts, 0.5) / len(rows)

    def day(self, columns):
        said = {}
        for name, values in columns.items():
            w, r = self._shares(name, values), self.shares[name]
            if self._repeats(values) and not self.repeats[name]:
                said[name] = "stuck"
            elif ((w - r) * np.log(w / r)).sum() > 0.25:
                said[name] = "moved"
        return said

    def _repeats(self, values):
        return 2 * np.unique(values, return_counts=True)[1].max() > len(values)
