"""
student = "emeka"
kind = "partial"
base = "blank"
what = "Solves the first two exercises, leaves the others and answers half of the quiz."
[loses]
test_export = 1
test_export_hidden = 2
test_export_refuses = 2
test_Runner = 1
test_Runner_hidden = 1
test_Runner_refuses = 1
test_Runner_byte_order = 1
test_Runner_rows = 1
test_Runner_no_rows = 1
test_choose = 1
test_choose_hidden = 2
q1 = 0.5
q4 = 1
q5 = 1
q6 = 1
"""
# %% [exercises] compare
def compare(expected, got, tolerance):
    if expected.shape != got.shape or len(got) == 0:
        raise ValueError("no")
    d = np.abs(expected.astype(float) - got.astype(float))
    d[np.isnan(expected) != np.isnan(got)] = np.inf
    d[np.isnan(expected) & np.isnan(got)] = 0
    d[expected == got] = 0
    d = d.max(axis=1)
    w = np.argsort(-d, kind="stable")
    return {"rows": len(d), "largest": d.max(), "over": np.sum(d > tolerance), "worst": [i for i in w if d[i] > tolerance][:5]}


# %% [exercises] rows_needed
def rows_needed(share, confidence):
    if not (0 < share <= 1 and 0 < confidence < 1):
        raise ValueError("no")
    n = 1
    while (1 - share) ** n > 1 - confidence:
        n += 1
    return n


# %% [quiz] q1
"B"

# %% [quiz] q2
"C"

# %% [quiz] q3
"C"
