"""
what = "Cells in another order, helper cells between them."
row = "correct answer, cells reordered or helper cells added"
spoil = ["reversed_cells"]
"""
# %% [exercises] mean
def mean(values):
    return total(values) / len(values)
# %% [exercises] +after given
def total(values):
    return sum(values)
