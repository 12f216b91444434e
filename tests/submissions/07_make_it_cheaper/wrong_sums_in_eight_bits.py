"""
student = "jelena"
kind = "wrong"
what = "Multiplies arrays of int8, which wraps round."
[loses]
test_run_int8 = 1
test_run_int8_hidden = 2
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
    inputs = np.clip(whole, -127, 127).astype(np.int8)
    sums = inputs @ layer["values"]
    return {
        "out": sums * scales[:, None] * layer["scale"] + layer["bias"],
        "x_scale": scales,
        "clipped": int((np.abs(whole) > 127).sum()),
    }
