"""
student = "linnea"
kind = "wrong"
what = "Stops at the first trouble when the batch is empty, so it does not name all that is missing."
[loses]
test_predict_hidden = 2
"""
# %% [exercises] predict
def predict(model, interpreter, inputs):
    if inputs is not None and len(inputs) == 0:
        raise ValueError("no input data")
    missing = [w for w, p in (("model", model), ("interpreter", interpreter), ("input data", inputs)) if p is None]
    if missing:
        raise ValueError(", ".join(missing))
    return interpreter(model, np.atleast_2d(inputs))
