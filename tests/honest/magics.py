"""
what = "Magics in answer cells: %%time, %%capture, %timeit, %load_ext, %who, ?help."
"""
# %% [exercises] mean
%%time
def mean(values):
    return sum(values) / len(values)
# %% [exercises] scale
%%capture output
def scale(values, top):
    return [top * v / max(values) for v in values]
print("captured")
# %% [exercises] +after scale
%timeit -n 2 -r 1 scale([1, 2], 3)
%load_ext autoreload
%autoreload 2
%who
%env COURSE=1
%precision 3
%xmode Verbose
# %% [exercises] +after count
count?
%history -n 1
