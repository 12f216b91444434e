"""
student = "ibrahim"
kind = "wrong"
what = "Drops the model that was requested least often, not the one unrequested for longest."
[loses]
test_by_capacity_hidden = 2
test_by_capacity_pinned = 1
"""
# %% [exercises] by_capacity
def by_capacity(requests, seconds, most, pinned):
    misses, took = [], []
    others = [name for name in requests if name not in pinned]
    for places in range(most + 1):
        if places < len(pinned):
            misses.append(None)
            took.append(None)
            continue
        missed = loads(others, places - len(pinned))
        misses.append(len(missed))
        took.append(sum(seconds[name] for name in missed))
    return {"misses": misses, "seconds": took, "first": len(set(others))}


def loads(requests, places):
    loaded, missed, often = {}, [], Counter()
    for number, name in enumerate(requests):
        often[name] += 1
        if name not in loaded:
            missed.append(name)
            if places == 0:
                continue
            if len(loaded) >= places:
                del loaded[min(loaded, key=lambda other: (often[other], loaded[other]))]
        loaded[name] = number
    return missed
