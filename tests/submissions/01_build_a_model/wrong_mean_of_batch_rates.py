"""
student = "jorge"
kind = "wrong"
what = "Averages the rates of the batches, so that a batch of two counts as much as one of fifty."
[loses]
test_OnlineRate = 1
test_OnlineRate_hidden = 2
test_OnlineRate_forgetting = 1
"""
# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        if not 0 < keep <= 1:
            raise ValueError("keep out of range")
        self.keep, self.rates = keep, []

    def learn(self, late):
        if len(late):
            self.rates.append(np.mean(late))

    def rate(self):
        if not self.rates:
            raise ValueError("no flight yet")
        weights = self.keep ** np.arange(len(self.rates))[::-1]
        return float(np.average(self.rates, weights=weights))
