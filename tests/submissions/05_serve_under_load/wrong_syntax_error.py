"""
student = "anton"
kind = "wrong"
what = "A bracket is missing in exercise 5."
[loses]
test_choose = 1
test_choose_app = 1
test_choose_night = 1
"""
# %% [exercises] choose
def choose(table, goal:
    return None
