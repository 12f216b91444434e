"""
student = "sven"
kind = "wrong"
what = "Lets one file that cannot be used end the choice; forgets a bracket in the export."
[loses]
test_choose = 1
test_choose_hidden = 2
test_export = 1
test_export_hidden = 2
test_export_refuses = 2
"""
# %% [exercises] choose
def choose(files, rows, expected):
    right = []
    for name, path in files.items():
        session = onnxruntime.InferenceSession(path)
        answer = session.run(None, {session.get_inputs()[0].name: rows})[1]
        if np.abs(answer - expected).max() <= 1e-4:
            right.append(name)
    return right[0] if right else None


# %% [exercises] export
def export(model, sample:
    return skl2onnx.to_onnx(model, sample).SerializeToString()
