"""
what = "A loop that prints fifty thousand lines; the answers are right."
"""
# %% [exercises] mean
def mean(values):
    for number in range(3_000):
        print("step", number)
    return sum(values) / len(values)
# %% [exercises] +after mean
for number in range(50_000):
    print("epoch", number, "loss", 1 / (number + 1))
