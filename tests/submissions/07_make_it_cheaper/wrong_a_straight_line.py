"""
student = "pilar"
kind = "wrong"
what = "Fits a straight line to the log odds."
[loses]
test_distil = 1
test_distil_quality = 2
"""
# %% [exercises] distil
def distil(X, probability, most_bytes):
    soft = np.clip(probability, 0.005, 0.995)
    rows = np.column_stack([X, np.ones(len(X))]).astype(float)
    line = np.linalg.lstsq(rows, np.log(soft / (1 - soft)), rcond=None)[0]
    return write_onnx([(line[:-1, None], line[-1:])])
