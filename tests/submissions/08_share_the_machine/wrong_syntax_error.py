"""
student = "cosima"
kind = "wrong"
what = "A bracket is missing in exercise 6."
[loses]
test_cheapest = 1
test_cheapest_choice = 2
test_cheapest_reasons = 1
"""
# %% [exercises] cheapest
def cheapest(plans, rate, promise:
    return {"name": None}
