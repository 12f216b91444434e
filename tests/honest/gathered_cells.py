"""
what = "Cells merged, copied over another, typed into a test, above their stub, and twice with an old try at the end."
spoil = ["gathered"]
"""
# %% [exercises] root
def root(x):
    if x < 0:
        raise ValueError("negative")
    return x**0.5
