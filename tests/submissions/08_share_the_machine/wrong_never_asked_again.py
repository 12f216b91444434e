"""
student = "lucia"
kind = "wrong"
what = "Counts a model as gone for good once it has missed."
[loses]
test_by_capacity = 1
test_by_capacity_hidden = 2
test_by_capacity_pinned = 1
"""
# %% [exercises] by_capacity
def by_capacity(requests, seconds, most, pinned):
    stack, times, loading = [], np.zeros(most + 2, dtype=np.int64), np.zeros(most + 2)
    others = [name for name in requests if name not in pinned]
    for name in others:  # by stack distance; the last entry is for those that miss with any number of places
        distance = most + 1
        if name in stack:
            distance = min(distance, len(stack) - stack.index(name))
        else:
            stack.append(name)
        times[distance] += 1
        loading[distance] += seconds[name]

    def beyond(counts):
        above = (counts.sum() - counts.cumsum()).tolist()
        return [above[p - len(pinned)] if p >= len(pinned) else None for p in range(most + 1)]

    return {"misses": beyond(times), "seconds": beyond(loading), "first": len(set(others))}
