"""
student = "karl"
kind = "wrong"
what = "Leaves the zipmap where it is, so that the file answers in dictionaries."
[loses]
test_export = 1
test_export_hidden = 2
"""
# %% [exercises] export
def export(model, sample):
    file = skl2onnx.convert_sklearn(
        model, initial_types=[("rows", FloatTensorType([None, sample.shape[1]]))]
    ).SerializeToString()
    session = onnxruntime.InferenceSession(file)
    answer = session.run(None, {"rows": sample})[1]
    distance = np.abs(np.array([list(row.values()) for row in answer]) - model.predict_proba(sample)).max(axis=1)
    if distance.max() > 1e-4:
        raise ValueError(f"row {distance.argmax()}")
    return file
