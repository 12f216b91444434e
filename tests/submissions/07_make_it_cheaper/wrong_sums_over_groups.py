"""
student = "zora"
kind = "wrong"
what = "Adds the rises of a group up, so that the largest group is hurt most."
[loses]
test_compare = 1
test_compare_hidden = 2
"""
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
    by_group = np.bincount(place, weights=rises)
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
