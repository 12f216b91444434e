"""
student = "ingeborg"
kind = "wrong"
what = "A bracket is missing in exercise 6."
[loses]
test_choose = 1
test_choose_hidden = 2
test_choose_edges = 1
"""
# %% [exercises] choose
def choose(reports, gates, request, noise, now:
    return None
