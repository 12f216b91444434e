"""
what = "Prints its way to the answer, in the functions too."
"""
# %% [exercises] mean
print("mean is", 2)
def mean(values):
    print("called with", values)
    for v in values:
        print(v, end=" ", flush=True)
    return sum(values) / len(values)
# %% [exercises] scale
def scale(values, top):
    display(values)
    result = [top * v / max(values) for v in values]
    print(f"{result = }")
    return result
