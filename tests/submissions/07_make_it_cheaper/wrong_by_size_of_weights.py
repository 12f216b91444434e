"""
student = "nils"
kind = "wrong"
what = "Chooses by incoming times outgoing weights, as the library does."
[loses]
test_remove_units_hidden = 2
test_remove_units_dead = 1
test_remove_units_edges = 1
"""
# %% [exercises] remove_units
def remove_units(layers, X, remove):
    hidden = [weights.shape[1] for weights, _ in layers[:-1]]
    if len(remove) != len(hidden) or any(not 0 <= gone < units for gone, units in zip(remove, hidden, strict=True)):
        raise ValueError(f"Of {hidden} hidden units these cannot go: {remove}.")
    smaller = [[weights.astype(float), bias.astype(float)] for weights, bias in layers]
    answers = X.astype(float)
    for place, (weights, bias) in enumerate(layers[:-1]):
        answers = np.maximum(0, answers @ weights.astype(float) + bias)
        following = layers[place + 1][0].astype(float)
        order = np.argsort(np.linalg.norm(weights, axis=0) * np.linalg.norm(following, axis=1), kind="stable")
        gone, stays = order[: remove[place]], np.sort(order[remove[place] :])
        smaller[place] = [part[..., stays] for part in smaller[place]]
        extra = answers[:, gone].mean(axis=0) @ following[gone]  # for all units of the next layer
        smaller[place + 1] = [following[stays], smaller[place + 1][1] + extra]
    return [(weights.astype(np.float32), bias.astype(np.float32)) for weights, bias in smaller]
