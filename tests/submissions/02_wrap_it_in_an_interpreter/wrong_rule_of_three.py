"""
student = "ivana"
kind = "wrong"
what = "Takes the rule of three for the exact answer, and exports without a look."
[loses]
test_rows_needed = 1
test_rows_needed_hidden = 1
test_export = 1
test_export_refuses = 2
"""
# %% [exercises] rows_needed
def rows_needed(share, confidence):
    if not 0 < share <= 1 or not 0 < confidence < 1:
        raise ValueError("no share")
    return int(np.ceil(3 / share))


# %% [exercises] export
def export(model, sample):
    classifier = model[-1] if hasattr(model, "steps") else model
    return skl2onnx.convert_sklearn(
        model,
        initial_types=[("rows", FloatTensorType([None, sample.shape[1]]))],
        options={id(classifier): {"zipmap": False}},
    ).SerializeToString()
