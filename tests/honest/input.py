"""
what = "Asks for input: in a cell of its own, and in one exercise, which costs that one."
[verdicts]
test_scale = "error in your code"
"""
# %% [exercises] +after given
name = input("Your name? ")
# %% [exercises] +after mean
import getpass
getpass.getpass()
# %% [exercises] scale
top = int(input("top? "))
def scale(values, top):
    return [top * v / max(values) for v in values]
