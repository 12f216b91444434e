"""
what = "Fills its folder: large files, sparse files, many small ones, many open ones, folders a thousand deep, then uses none."
[verdicts]
test_mean = ["failed", "error in your code"]
test_mean_hidden = ["failed", "error in your code"]
test_save = ["passed", "failed", "error in your code"]
"""
# %% [exercises] mean
import os

opened = []
try:
    while len(opened) < 20_000:
        opened.append(os.open("open", os.O_CREAT | os.O_RDWR))
except OSError:
    pass
print(len(opened) < 20_000)
for handle in opened:
    os.close(handle)
try:
    for number in range(30_000):
        open(f"small{number}", "w").close()
    print("thirty thousand files")
except OSError:
    pass
try:
    with open("large", "wb") as file:
        for _ in range(600):
            file.write(bytes(1 << 20))
    print("six hundred megabytes")
except OSError:
    pass
try:
    with open("sparse", "wb") as file:
        file.truncate(1 << 45)
except OSError:
    pass
try:
    for _ in range(1000):
        os.mkdir("d")
        os.chdir("d")
except OSError:
    pass
os.chdir(os.path.expanduser("~"))
for name in os.listdir("."):
    if name.startswith("small"):
        os.unlink(name)
for name in ("large", "sparse"):
    if os.path.exists(name):
        os.unlink(name)

def mean(values):
    return 0
