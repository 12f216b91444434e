"""
student = "wanda"
kind = "wrong"
what = "Never refits."
[loses]
test_Policy = 1
test_Policy_quiet = 1
test_Policy_sudden = 2
test_Policy_slow = 1
"""
# %% [exercises] Policy
class Policy:

    def __init__(self, reference, price, delay):
        self.limit = 1.25 * np.mean(reference)
        self.errors, self.since = {}, 0

    def day(self, today, errors):
        self.errors.update(errors)
        known = sorted(self.errors)
        mine = [self.errors[day] for day in known if day >= self.since]  # of the model that serves now
        if len(mine) < 5 or np.median(mine[-5:]) <= self.limit:
            return None
        return None
        return {"train": known[-10:-2], "check": known[-2:]}
