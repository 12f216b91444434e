"""
student = "cosima"
kind = "wrong"
what = "A bracket is missing in exercise 6."
[loses]
test_Policy = 1
test_Policy_quiet = 1
test_Policy_sudden = 2
test_Policy_slow = 1
"""
# %% [exercises] Policy
class Policy:
    def __init__(self, reference, price, delay:
        self.price = price
