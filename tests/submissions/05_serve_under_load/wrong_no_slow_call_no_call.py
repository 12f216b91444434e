"""
student = "zuri"
kind = "wrong"
what = "Allows no call at all where none was slow."
[loses]
test_fan_out_hidden = 2
"""
# %% [exercises] fan_out
def fan_out(slow, budget):
    share, made = float(np.mean(slow)), slow.shape[1]
    if share == 0:
        most = 0
    elif share == 1:
        most = 0
    else:
        most = math.floor(math.log(1 - budget) / math.log(1 - share)) + 1
        while 1 - (1 - share) ** most > budget + 1e-9:
            most -= 1
    return {
        "calls": share,
        "pages": float(np.mean(slow.any(axis=1))),
        "independent": 1 - (1 - share) ** made,
        "most": most,
        "needed": 1 - (1 - budget) ** (1 / made),
    }
