"""
student = "lucia"
kind = "wrong"
what = "Keeps the rate of the last batch and forgets all before it."
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
        self.last = None

    def learn(self, late):
        if len(late):
            self.last = float(np.mean(late))

    def rate(self):
        if self.last is None:
            raise ValueError("no flight yet")
        return self.last
