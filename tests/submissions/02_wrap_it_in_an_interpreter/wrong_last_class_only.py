"""
student = "greta"
kind = "wrong"
what = "Compares the last class alone, and counts the worst rows in the order of the table."
[loses]
test_compare = 1
test_compare_hidden = 2
test_compare_nan = 1
"""
# %% [exercises] compare
def compare(expected, got, tolerance):
    if expected.shape != got.shape or len(expected) == 0:
        raise ValueError("shapes")
    a, b = np.asarray(expected, float)[:, -1], np.asarray(got, float)[:, -1]
    distance = np.where(np.isnan(a) != np.isnan(b), np.inf, np.nan_to_num(np.abs(a - b), posinf=np.inf))
    over = np.flatnonzero(distance > tolerance)
    return {"rows": len(a), "largest": float(distance.max()), "over": len(over), "worst": over[:5].tolist()}
