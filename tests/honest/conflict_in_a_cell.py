"""
what = "Merge-conflict markers in one cell cost that exercise."
[verdicts]
test_scale = "error in your code"
"""
# %% [exercises] scale
def scale(values, top):
<<<<<<< HEAD
    return [top * v / max(values) for v in values]
=======
    return [v / max(values) for v in values]
>>>>>>> mine
