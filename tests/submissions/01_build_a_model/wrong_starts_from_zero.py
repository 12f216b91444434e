"""
student = "vikram"
kind = "wrong"
what = "Moves an exponential average up from zero without dividing by the sum of the weights."
[loses]
test_OnlineRate_forgetting = 1
"""
# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        if not 0 < keep <= 1:
            raise ValueError("keep out of range")
        self.keep, self.value, self.n = keep, 0.0, 0

    def learn(self, late):
        for outcome in late:
            self.n += 1
            step = 1 / self.n if self.keep == 1 else 1 - self.keep
            self.value += step * (float(outcome) - self.value)

    def rate(self):
        if self.n == 0:
            raise ValueError("no flight yet")
        return self.value
