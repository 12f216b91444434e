"""
student = "sakura"
kind = "wrong"
what = "Multiplies 8-bit months by 100."
[loses]
test_split_in_time_hidden = 2
"""
# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise ValueError("share")
    date = month * 100 + day
    dates, counts = np.unique(date, return_counts=True)
    k = int(np.searchsorted(np.cumsum(counts), share * len(date))) + 1
    if k >= len(dates):
        raise ValueError("no day left")
    train = date < dates[k]
    return train, ~train
