"""
what = "The first exercise was moved above the imports that it needs."
spoil = ["above_the_imports"]
"""
# %% [exercises] mean
half = LIMIT / 2 / math.sqrt(25)

def mean(values):
    return math.fsum(values) / len(values) * half
