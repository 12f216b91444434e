"""
student = "mateus"
kind = "wrong"
what = "Falls back on a formula of its own when the interpreter is missing, and so answers where it should refuse."
[loses]
test_predict = 1
test_predict_hidden = 2
"""
# %% [exercises] predict
def predict(model, interpreter, inputs):
    if model is None:
        raise ValueError("missing: model")
    if inputs is None or len(inputs) == 0:
        raise ValueError("missing: input data")
    rows = np.atleast_2d(inputs)
    if interpreter is None:
        return 1 / (1 + np.exp(-(rows @ model["weights"] + model["bias"])))
    return interpreter(model, rows)
