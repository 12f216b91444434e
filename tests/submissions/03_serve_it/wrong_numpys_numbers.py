"""
student = "lucia"
kind = "wrong"
what = "Leaves NumPy's own numbers in the list, which json.dumps cannot write."
[loses]
test_to_tensor = 1
test_to_tensor_hidden = 2
"""
# %% [exercises] to_tensor
def to_tensor(name, array):
    datatype = next((known for known, dtype in DATATYPES.items() if dtype == array.dtype), None)
    if datatype is None:
        raise ValueError(f'Output "{name}" has the dtype {array.dtype}, for which the protocol has no name.')
    values = list(array.ravel())
    if array.dtype.kind == "f":
        words = {np.inf: "Infinity", -np.inf: "-Infinity"}
        values = ["NaN" if value != value else words.get(value, value) for value in values]
    elif array.dtype.kind in "iu":
        values = [value if abs(value) <= 2**53 else str(value) for value in values]
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": values}
