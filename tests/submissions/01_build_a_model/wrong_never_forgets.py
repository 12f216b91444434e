"""
student = "anneli"
kind = "wrong"
what = "Accepts keep and does nothing with it."
[loses]
test_OnlineRate_forgetting = 1
"""
# %% [exercises] OnlineRate
class OnlineRate:
    def __init__(self, keep=1.0):
        if not 0 < keep <= 1:
            raise ValueError("keep out of range")
        self.late = self.all = 0

    def learn(self, late):
        self.late, self.all = self.late + int(np.sum(late)), self.all + len(late)

    def rate(self):
        if self.all == 0:
            raise ValueError("no flight yet")
        return self.late / self.all
