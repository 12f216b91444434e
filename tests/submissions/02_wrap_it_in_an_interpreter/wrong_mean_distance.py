"""
student = "rosa"
kind = "wrong"
what = "Judges a file by the mean distance of its rows."
[loses]
test_choose_hidden = 2
test_export_refuses = 2
"""
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
            if np.abs(answer - expected).mean() <= 1e-4:
                right.append(name)
        except Exception:
            pass
    return min(right, key=lambda name: Path(files[name]).stat().st_size, default=None)


# %% [exercises] export
def export(model, sample):
    classifier = model[-1] if hasattr(model, "steps") else model
    file = skl2onnx.convert_sklearn(
        model,
        initial_types=[("rows", FloatTensorType([None, sample.shape[1]]))],
        options={id(classifier): {"zipmap": False}},
    ).SerializeToString()
    answer = onnxruntime.InferenceSession(file).run(["probabilities"], {"rows": sample})[0]
    distance = np.abs(answer - model.predict_proba(sample)).max(axis=1)
    if distance.mean() > 1e-4:
        raise ValueError(f"row {distance.argmax()}")
    return file
