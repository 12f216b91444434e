"""
student = "wanjiru"
kind = "wrong"
what = "Keeps what was learnt in the class, so that all learners learn together."
[loses]
test_OnlineRate_hidden = 2
test_OnlineRate_forgetting = 1
"""
# %% [exercises] OnlineRate
class OnlineRate:
    seen = []

    def __init__(self, keep=1.0):
        if not 0 < keep <= 1:
            raise ValueError("keep out of range")
        self.keep = keep

    def learn(self, late):
        self.seen.extend(float(outcome) for outcome in late)

    def rate(self):
        if not self.seen:
            raise ValueError("no flight yet")
        weights = self.keep ** np.arange(len(self.seen))[::-1]
        return float(np.average(self.seen, weights=weights))
