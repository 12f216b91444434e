"""
student = "hamza"
kind = "wrong"
what = "Shuffles before splitting, as for data without time."
[loses]
test_split_in_time = 1
test_split_in_time_hidden = 2
"""
# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise ValueError("share out of range")
    order = np.random.default_rng(0).permutation(len(month))
    train = np.zeros(len(month), dtype=bool)
    train[order[: int(np.ceil(share * len(month)))]] = True
    return train, ~train
