"""
student = "quinn"
kind = "wrong"
what = "Looks for an output called probabilities, and for the mean distance."
[loses]
test_choose = 1
test_choose_hidden = 2
"""
# %% [exercises] choose
def choose(files, rows, expected):
    right = []
    for name, path in files.items():
        try:
            session = onnxruntime.InferenceSession(path)
            answer = session.run(["probabilities"], {session.get_inputs()[0].name: rows})[0]
            if np.abs(answer - expected).mean() <= 1e-4:
                right.append(name)
        except Exception:
            pass
    return min(right, key=lambda name: Path(files[name]).stat().st_size, default=None)
