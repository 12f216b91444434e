"""
student = "hana"
kind = "wrong"
what = "Compares in the numbers of the file, float32, takes the tolerance for a difference, and checks the first rows of an export."
[loses]
test_compare_hidden = 2
test_export_refuses = 2
"""
# %% [exercises] compare
def compare(expected, got, tolerance):
    if expected.shape != got.shape or len(expected) == 0:
        raise ValueError("shapes")
    expected, got = expected.astype(np.float32), got.astype(np.float32)
    distance = np.nan_to_num(np.abs(expected - got), nan=0, posinf=np.inf)
    distance[np.isnan(expected) != np.isnan(got)] = np.inf
    distance = distance.max(axis=1)
    order = np.argsort(-distance, kind="stable")
    over = int((distance > tolerance).sum())
    return {"rows": len(distance), "largest": float(distance.max()), "over": over, "worst": order[: min(5, over)].tolist()}


# %% [exercises] export
def export(model, sample):
    classifier = model[-1] if hasattr(model, "steps") else model
    file = skl2onnx.convert_sklearn(
        model,
        initial_types=[("rows", FloatTensorType([None, sample.shape[1]]))],
        options={id(classifier): {"zipmap": False}},
    ).SerializeToString()
    few = sample[:10]
    answer = onnxruntime.InferenceSession(file).run(["probabilities"], {"rows": few})[0]
    distance = np.abs(answer - model.predict_proba(few)).max(axis=1)
    if distance.max() > 1e-4:
        raise ValueError(f"row {distance.argmax()}")
    return file
