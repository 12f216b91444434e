"""
student = "freya"
kind = "wrong"
what = "Takes the smallest number of whole days whose share exceeds the one asked for, so that exactly half does not count as half."
[loses]
test_split_in_time_hidden = 2
"""
# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise ValueError("share")
    date = np.asarray(month).astype(int) * 100 + day
    dates, counts = np.unique(date, return_counts=True)
    k = int(np.searchsorted(np.cumsum(counts), share * len(date), side="right")) + 1
    if k >= len(dates):
        raise ValueError("no day left")
    train = date < dates[k]
    return train, ~train
