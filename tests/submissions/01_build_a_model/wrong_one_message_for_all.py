"""
student = "emre"
kind = "wrong"
what = "Refuses with one sentence that names all three parts, whichever is missing."
[loses]
test_predict = 1
test_predict_hidden = 2
"""
# %% [exercises] predict
def predict(model, interpreter, inputs):
    if model is None or interpreter is None or inputs is None or len(inputs) == 0:
        raise ValueError("a model, an interpreter and input data are needed")
    return interpreter(model, np.atleast_2d(inputs))
