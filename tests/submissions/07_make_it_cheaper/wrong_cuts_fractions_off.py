"""
student = "bianca"
kind = "wrong"
what = "Cuts fractions off in place of rounding."
[loses]
test_quantise_hidden = 2
"""
# %% [exercises] quantise
def quantise(weights):
    if not np.isfinite(weights).all():
        raise ValueError("A weight is infinite or not a number.")
    largest = np.abs(weights).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    values = (weights / scale).astype(np.int8)
    restored = values * scale
    return {
        "values": values,
        "scale": scale,
        "restored": restored,
        "error": np.abs(weights.astype(float) - restored).max(axis=0),
        "bytes": values.nbytes + scale.nbytes,
    }
