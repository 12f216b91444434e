"""
student = "siobhan"
kind = "wrong"
what = "Writes `not inputs`, which numpy refuses for an array with a ValueError of its own: it never predicts."
[loses]
test_predict = 1
test_predict_hidden = 2
"""
# %% [exercises] predict
def predict(model, interpreter, inputs):
    missing = []
    if not model:
        missing.append("model")
    if not interpreter:
        missing.append("interpreter")
    if not inputs:
        missing.append("input data")
    if missing:
        raise ValueError("missing: " + ", ".join(missing))
    return interpreter(model, np.atleast_2d(inputs))
