"""
student = "diego"
kind = "wrong"
what = "Takes every month for 30 days long: the 31st and the next 1st become one day."
[loses]
test_split_in_time_hidden = 2
"""
# %% [exercises] split_in_time
def split_in_time(month, day, share):
    if not 0 < share < 1:
        raise ValueError("share")
    date = month.astype(int) * 30 + day
    dates, counts = np.unique(date, return_counts=True)
    k = int(np.searchsorted(np.cumsum(counts), share * len(date))) + 1
    if k >= len(dates):
        raise ValueError("no day left")
    train = date < dates[k]
    return train, ~train
