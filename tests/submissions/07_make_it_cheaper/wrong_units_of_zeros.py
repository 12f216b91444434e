"""
student = "emre"
kind = "wrong"
what = "Divides by the scale of a unit of zeros."
[loses]
test_quantise = 1
test_quantise_edges = 1
"""
# %% [exercises] quantise
def quantise(weights):
    if not np.isfinite(weights).all():
        raise ValueError("A weight is infinite or not a number.")
    largest = np.abs(weights).max(axis=0)
    scale = (largest / 127).astype(np.float32)
    values = np.rint(weights / scale).astype(np.int8)
    restored = values * scale
    return {
        "values": values,
        "scale": scale,
        "restored": restored,
        "error": np.abs(weights.astype(float) - restored).max(axis=0),
        "bytes": values.nbytes + scale.nbytes,
    }
