"""
student = "renata"
kind = "wrong"
what = "Lets the RecursionError of deeply nested JSON through."
[loses]
test_unpack_refusals = 2
"""
# %% [exercises] unpack
def unpack(body, header_length):
    def refuse(why):
        raise ValueError(why)

    def no_number(word):
        refuse(f"{word} is no JSON")

    if not 0 <= header_length <= len(body):
        refuse(f"{header_length} bytes of JSON were announced in a body of {len(body)}.")
    try:
        request = json.loads(body[:header_length], parse_constant=no_number)
    except UnicodeDecodeError:
        refuse("The JSON is nested too deep.")
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(tensor, dict) for tensor in inputs):
        refuse('The request needs a list "inputs" of objects.')
    arrays, names, start = {}, set(), header_length
    for tensor in inputs:
        name, parameters = tensor.get("name"), tensor.get("parameters", {})
        if not isinstance(name, str) or name in names or not isinstance(parameters, dict):
            refuse("Each input needs a name of its own, and parameters, if any, are an object.")
        names.add(name)
        if "binary_data_size" not in parameters:
            continue
        datatype, shape, size = tensor.get("datatype"), tensor.get("shape"), parameters["binary_data_size"]
        if not isinstance(datatype, str) or datatype not in DATATYPES:
            refuse(f'Input "{name}": {datatype!r} is no datatype.')
        if not isinstance(shape, list) or any(type(length) is not int or length < 0 for length in shape):
            refuse(f'Input "{name}": {shape!r} is no shape.')
        needed = DATATYPES[datatype].itemsize
        for length in shape:
            needed *= length
        if type(size) is not int or size != needed:
            refuse(f'Input "{name}": its shape takes {needed} bytes, and binary_data_size is {size!r}.')
        if "data" in tensor:
            refuse(f'Input "{name}" has data both in the JSON and behind it.')
        if start + size > len(body):
            refuse(f'Input "{name}": {size} bytes were announced, and {len(body) - start} follow.')
        arrays[name] = np.frombuffer(body[start : start + size], DATATYPES[datatype]).reshape(shape)
        start += size
    if start != len(body):
        refuse(f"{len(body) - start} bytes are left over behind the last tensor.")
    return request, arrays
