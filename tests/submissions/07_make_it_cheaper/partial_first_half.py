"""
student = "jarmila"
kind = "partial"
base = "blank"
what = "Solves exercises 1 and 3, starts 2 and 4, and leaves the others as they came."
[loses]
test_run_int8 = 1
test_run_int8_hidden = 2
test_run_int8_company = 1
test_run_int8_clipped = 1
test_remove_units = 1
test_remove_units_hidden = 2
test_remove_units_dead = 1
test_distil = 1
test_distil_file = 1
test_distil_quality = 2
test_choose = 1
test_choose_hidden = 2
test_choose_edges = 1
test_remove_units_edges = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
# %% [exercises] quantise
def quantise(weights):
    if not np.isfinite(weights).all():
        raise ValueError("A weight is infinite or not a number.")
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


# %% [exercises] compare
def compare(before, after, late, groups, threshold):
    if len({len(before), len(after), len(late), len(groups)}) > 1:
        raise ValueError("The four arrays must be of one length.")
    before, after = before.astype(float), after.astype(float)
    for probability in (before, after):
        if not ((probability >= 0) & (probability <= 1)).all():
            raise ValueError("A probability is no number from 0 to 1.")

    def losses(probability):
        kept = np.clip(probability, 1e-7, 1 - 1e-7)
        return -np.log(np.where(late, kept, 1 - kept))

    rises = losses(after) - losses(before)
    names, place = np.unique(groups, return_inverse=True)
    by_group = np.bincount(place, weights=rises) / np.bincount(place)
    change = np.abs(after - before)
    right_before, right_after = (before >= threshold) == late, (after >= threshold) == late
    return {
        "rise": float(rises.mean()),
        "largest": float(change.max()),
        "row": int(change.argmax()),
        "mended": int((right_after & ~right_before).sum()),
        "broken": int((right_before & ~right_after).sum()),
        "hurt": (int(names[by_group.argmax()]), float(by_group.max())),
    }


# %% [exercises] run_int8
def run_int8(X, layer, x_scale):
    whole = np.rint(X / x_scale)
    return whole @ layer["values"] * x_scale * layer["scale"] + layer["bias"]


# %% [exercises] remove_units
def remove_units(layers, X, remove):
    if len(remove) != len(layers) - 1:
        raise ValueError("One number for each hidden layer.")
