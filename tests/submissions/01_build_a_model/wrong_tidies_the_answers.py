"""
student = "joao"
kind = "wrong"
what = "Swallows every fault of the interpreter as if the input data were missing, and reads a NaN answer as 0."
[loses]
test_predict_hidden = 2
"""
# %% [exercises] predict
def predict(model, interpreter, inputs):
    missing = [w for w, p in (("model", model), ("interpreter", interpreter)) if p is None]
    if inputs is None or len(inputs) == 0:
        missing.append("input data")
    if missing:
        raise ValueError(", ".join(missing))
    try:
        return np.clip(np.nan_to_num(interpreter(model, np.atleast_2d(inputs))), 0.01, 0.99)
    except Exception:
        raise ValueError("input data") from None
