"""
student = "hana"
kind = "wrong"
what = "Draws the bins at the quantiles of the window, from the wrong side."
[loses]
test_stability = 1
test_stability_hidden = 2
test_stability_edges = 1
"""
# %% [exercises] stability
def stability(reference, window, bins):
    if len(window) == 0:
        raise ValueError("A window without rows cannot be compared with anything.")
    edges = np.unique(np.quantile(window[~np.isnan(window)], np.arange(1, bins) / bins))

    def count(values):
        there = values[~np.isnan(values)]
        rows = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
        return np.append(rows, len(values) - len(there))

    before, now = count(reference), count(window)
    r, w = np.maximum(before, 0.5) / len(reference), np.maximum(now, 0.5) / len(window)
    parts = np.where((before == 0) & (now == 0), 0.0, (w - r) * np.log(w / r))
    return {
        "edges": edges,
        "reference": before,
        "window": now,
        "psi": float(parts.sum()),
        "worst": int(parts.argmax()),
    }
