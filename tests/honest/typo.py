"""
what = "A typo in one exercise costs that one."
[verdicts]
test_scale = "error in your code"
"""
# %% [exercises] scale
def scale(values, top)
    return [top * v / max(values) for v in values]
