"""
student = "jamila"
kind = "wrong"
what = "Asks isinstance(value, int), which true is, too."
[loses]
test_to_array_refusals = 2
"""
# %% [exercises] to_array
def to_array(tensor):
    name, datatype, shape, data = (tensor.get(key) for key in ("name", "datatype", "shape", "data"))

    def refuse(why):
        raise ValueError(f'Input "{name}": {why}.')

    def flat(part, sizes):
        if not sizes:
            return [part]
        if not isinstance(part, list) or len(part) != sizes[0]:
            refuse(f"its data are not nested as its shape {shape} says")
        return [value for inner in part for value in flat(inner, sizes[1:])]

    def integer(value):
        if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii():
            value = int(value)
        if not isinstance(value, int):
            refuse(f"{value!r} is no whole number")
        if not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            refuse(f"{value} does not fit into {datatype}")
        return value

    def real(value):
        if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        if type(value) not in (int, float):
            refuse(f"{value!r} is no number")
        try:
            with np.errstate(over="ignore"):
                fits = np.isfinite(dtype.type(float(value)))
        except OverflowError:
            fits = False
        if not fits:
            refuse(f"a number is too large for {datatype}")
        return float(value)

    def truth(value):
        if type(value) is not bool:
            refuse(f"{value!r} is neither true nor false")
        return value

    if not isinstance(datatype, str) or datatype not in DATATYPES:
        refuse(f"datatype {datatype!r} is none of {', '.join(DATATYPES)}")
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        refuse(f"shape {shape!r} is no list of whole numbers from 0 up")
    if not isinstance(data, list):
        refuse("it has no list of data")
    dtype = DATATYPES[datatype]
    convert = {"b": truth, "i": integer, "u": integer, "f": real}[dtype.kind]
    nested = any(isinstance(value, list) for value in data)
    values = flat(data, shape) if nested else data
    places = 1
    for size in shape:
        places *= size  # of Python's integers, which have no end
    if len(values) != places:
        refuse(f"shape {shape} has {places} places, and {len(values)} values came")
    return np.array([convert(value) for value in values], dtype=dtype).reshape(shape)
