"""
student = "aroha"
kind = "wrong"
what = "Sorts by date and cuts between two flights of one day."
[loses]
test_split_in_time = 1
test_split_in_time_hidden = 2
"""
# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise ValueError("share out of range")
    order = np.argsort(month.astype(int) * 100 + day, kind="stable")
    train = np.zeros(len(month), dtype=bool)
    train[order[: int(np.ceil(share * len(month)))]] = True
    return train, ~train
