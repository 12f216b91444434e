"""
student = "yoko"
kind = "wrong"
what = "Rounds the quotient of two logarithms down, and loses a call where it comes out whole."
[loses]
test_fan_out_hidden = 2
"""
# %% [exercises] fan_out
def fan_out(slow, budget):
    share, made = float(np.mean(slow)), slow.shape[1]
    if share == 0:
        most = None
    elif share == 1:
        most = 0
    else:
        most = math.floor(math.log(1 - budget) / math.log(1 - share)) 
    return {
        "calls": share,
        "pages": float(np.mean(slow.any(axis=1))),
        "independent": 1 - (1 - share) ** made,
        "most": most,
        "needed": 1 - (1 - budget) ** (1 / made),
    }
