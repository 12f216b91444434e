"""
student = "jonas"
kind = "wrong"
what = "Rounds the number of rows down, believes any share, and names the first bad row of an export in place of the worst."
[loses]
test_rows_needed = 1
test_rows_needed_hidden = 1
test_export_refuses = 2
"""
# %% [exercises] rows_needed
def rows_needed(share, confidence):
    return 1 if share == 1 else int(np.log(1 - confidence) / np.log(1 - share))


# %% [exercises] export
def export(model, sample):
    classifier = model[-1] if hasattr(model, "steps") else model
    file = skl2onnx.convert_sklearn(
        model,
        initial_types=[("rows", FloatTensorType([None, sample.shape[1]]))],
        options={id(classifier): {"zipmap": False}},
    ).SerializeToString()
    answer = onnxruntime.InferenceSession(file).run(["probabilities"], {"rows": sample})[0]
    for row, (a, b) in enumerate(zip(answer, model.predict_proba(sample))):
        if np.abs(a - b).max() > 1e-4:
            raise ValueError(f"row {row}")
    return file
