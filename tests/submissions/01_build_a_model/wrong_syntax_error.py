"""
student = "zanele"
kind = "wrong"
what = "Leaves a syntax error in one exercise; the others are right."
[loses]
test_split_in_time = 1
test_split_in_time_hidden = 2
"""
# %% [exercises] split_in_time
def split_in_time(month, day, share):
    train = (month < 10
    return train, ~train
