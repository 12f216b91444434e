"""
what = "Progress bars of both kinds."
"""
# %% [exercises] mean
from tqdm import tqdm
from tqdm.auto import tqdm as auto, trange

for _ in tqdm(range(5)):
    pass
for _ in auto(range(5), desc="widget"):
    pass

def mean(values):
    return sum(tqdm(values)) / sum(1 for _ in auto(values))
