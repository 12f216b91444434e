"""
student = "freya"
kind = "wrong"
what = "Quantises infinite weights and those that are no numbers."
[loses]
test_quantise_edges = 1
"""
# %% [exercises] quantise
def quantise(weights):
    largest = np.abs(weights).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    values = np.rint(weights / scale).astype(np.int8)
    restored = values * scale
    return {
        "values": values,
        "scale": scale,
        "restored": restored,
        "error": np.abs(weights.astype(float) - restored).max(axis=0),
        "bytes": values.nbytes + scale.nbytes,
    }
