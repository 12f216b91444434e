"""
student = "farid"
kind = "wrong"
what = "Never thinks of NaN: in the comparison, in the export and in the choice a NaN is no distance."
[loses]
test_compare_nan = 1
test_choose_hidden = 2
"""
# %% [exercises] compare
def compare(expected, got, tolerance):
    if expected.shape != got.shape or len(expected) == 0:
        raise ValueError("shapes")
    distance = np.abs(np.asarray(expected, float) - np.asarray(got, float)).max(axis=1)
    order = np.argsort(-distance, kind="stable")
    over = int((distance > tolerance).sum())
    return {"rows": len(distance), "largest": float(distance.max()), "over": over, "worst": order[: min(5, over)].tolist()}


# %% [exercises] choose
def choose(files, rows, expected):
    right = []
    for name, path in files.items():
        try:
            session = onnxruntime.InferenceSession(path)
            (one,) = session.get_inputs()
            (answer,) = [
                a for a in session.run(None, {one.name: rows}) if isinstance(a, np.ndarray) and a.dtype == "f4" and a.ndim == 2
            ]
            if not (np.abs(answer - expected) > 1e-4).any():
                right.append(name)
        except Exception:
            pass
    return min(right, key=lambda name: Path(files[name]).stat().st_size, default=None)
