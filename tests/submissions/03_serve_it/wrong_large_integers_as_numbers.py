"""
student = "nadia"
kind = "wrong"
what = "Writes all integers as numbers, whatever their size."
[loses]
test_to_tensor_hidden = 2
"""
# %% [exercises] to_tensor
def to_tensor(name, array):
    datatype = next((known for known, dtype in DATATYPES.items() if dtype == array.dtype), None)
    if datatype is None:
        raise ValueError(f'Output "{name}" has the dtype {array.dtype}, for which the protocol has no name.')
    values = array.ravel().tolist()
    if array.dtype.kind == "f":
        words = {np.inf: "Infinity", -np.inf: "-Infinity"}
        values = ["NaN" if value != value else words.get(value, value) for value in values]
    elif array.dtype.kind in "iu":
        values = values
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": values}
