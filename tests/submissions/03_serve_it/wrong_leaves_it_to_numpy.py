"""
student = "fikret"
kind = "wrong"
what = "Hands the data to NumPy, which takes true for 1, cuts 3.7 down to 3 and makes NaN of null."
[loses]
test_to_array_refusals = 2
"""
# %% [exercises] to_array
def to_array(tensor):
    try:
        return np.array(tensor["data"], dtype=DATATYPES[tensor["datatype"]]).reshape(tensor["shape"])
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise ValueError(f"{tensor['name']}: {problem}")
