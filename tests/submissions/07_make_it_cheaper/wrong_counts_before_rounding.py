"""
student = "petra"
kind = "wrong"
what = "Counts 127.3 as beyond 127, though its nearest whole number is not."
[loses]
test_run_int8_clipped = 1
"""
# %% [exercises] run_int8
def run_int8(X, layer, x_scale):
    if x_scale == "batch":
        scales = np.full(len(X), np.abs(X).max() / 127, dtype=float)
    elif x_scale == "row":
        scales = np.abs(X).max(axis=1).astype(float) / 127
    else:
        scales = np.full(len(X), x_scale, dtype=float)
    scales[scales == 0] = 1
    whole = np.rint(X / scales[:, None])
    inputs = np.clip(whole, -127, 127).astype(np.int64)
    sums = inputs @ layer["values"].astype(np.int64)
    return {
        "out": sums * scales[:, None] * layer["scale"] + layer["bias"],
        "x_scale": scales,
        "clipped": int((np.abs(X / scales[:, None]) > 127.001).sum()),
    }
