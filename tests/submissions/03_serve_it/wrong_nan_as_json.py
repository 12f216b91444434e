"""
student = "kaito"
kind = "wrong"
what = "Writes NaN and infinity as numbers, which JSON does not have."
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
        values = [float(value) for value in values]
    elif array.dtype.kind in "iu":
        values = [value if abs(value) <= 2**53 else str(value) for value in values]
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": values}
