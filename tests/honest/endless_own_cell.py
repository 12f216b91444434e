"""
what = "A forgotten loop in a cell of one's own; everything else is right."
limits = "small"
"""
# %% [exercises] +after mean
while True:
    pass
