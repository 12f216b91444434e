"""
student = "lena"
kind = "wrong"
what = "Takes the type of the input from the sample, number of rows included; her runner forgets to cut off what it filled up."
[loses]
test_export_hidden = 2
test_Runner = 1
test_Runner_rows = 1
"""
# %% [exercises] export
def export(model, sample):
    classifier = model[-1] if hasattr(model, "steps") else model
    file = skl2onnx.convert_sklearn(
        model,
        initial_types=[("rows", FloatTensorType(list(sample.shape)))],
        options={id(classifier): {"zipmap": False}},
    ).SerializeToString()
    answer = onnxruntime.InferenceSession(file).run(["probabilities"], {"rows": sample})[0]
    distance = np.abs(answer - model.predict_proba(sample)).max(axis=1)
    if distance.max() > 1e-4:
        raise ValueError(f"row {distance.argmax()}")
    return file


# %% [exercises] Runner
class Runner:
    """An ONNX file, ready to be asked.

    All of its inputs and outputs have one dimension or more, and the first one counts the rows: it is free in all of
    them, or frozen at one number in all of them. The other dimensions are fixed, and a row's answer depends on no other
    row. Data types are float32, float64, int32, int64 and bool.
    """

    def __init__(self, path):
        """Open the file at path, a string."""
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = {"float": "float32", "double": "float64"}

        def described(nodes):
            table = {}
            for node in nodes:
                element = node.type[len("tensor(") : -1]
                shape = [length if isinstance(length, int) else None for length in node.shape]
                table[node.name] = (names.get(element, element), shape)
            return table

        self.inputs, self.outputs = described(self.session.get_inputs()), described(self.session.get_outputs())
        self.batch = next(iter(self.inputs.values()))[1][0]

    def signature(self):
        """What the file takes and gives.

        Returns a dict with two entries, "inputs" and "outputs". Each is a dict from name to a tuple
        (data type, shape): the data type as numpy's name for it, such as "float32", the shape as a
        list, with None for a free length and a number for a fixed one: ("float32", [None, 3]).
        """
        return {"inputs": dict(self.inputs), "outputs": dict(self.outputs)}

    def predict(self, inputs):
        """Run the file.

        Arguments:
            inputs: dict from name to array, one for each input of the file. All arrays have the same
                number of rows, n, which may be any number from 0 on, whatever the file is frozen at.

        Returns:
            dict from name to array, one for each output of the file, n rows each, in the order of
            the rows given, in the data type that the signature says, also for no rows.

        Raises, before anything is run, an error whose message holds the name of the input it is about:
            KeyError: a name that the file does not have, or one that is missing.
            TypeError: no numpy array, or an array of another data type. Nothing is converted. Byte
                order counts: big-endian float32 is another data type.
            ValueError: another number of dimensions, another length in one of them after the first,
                or another number of rows than the other inputs have (the message may then name any
                of the inputs). That a file is frozen is no reason to refuse.
            Where several things are wrong, any one of them may be reported.
        """
        self.check(inputs)
        rows = len(next(iter(inputs.values())))
        if not rows:
            return {name: np.empty([0, *shape[1:]], dtype) for name, (dtype, shape) in self.outputs.items()}
        size = self.batch or rows
        parts = [self.run_part(inputs, start, size) for start in range(0, rows, size)]
        return {name: np.concatenate([part[place] for part in parts])for place, name in enumerate(self.outputs)}

    def check(self, inputs):
        for name in inputs:
            if name not in self.inputs:
                raise KeyError(f"there is no input {name!r}; the inputs are {list(self.inputs)}")
        rows = {}
        for name, (dtype, shape) in self.inputs.items():
            if name not in inputs:
                raise KeyError(f"the input {name!r} is missing")
            array = inputs[name]
            if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype):
                came = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise TypeError(f"the input {name!r} must be an array of {dtype}, not {came}")
            if array.ndim != len(shape) or list(array.shape[1:]) != shape[1:]:
                raise ValueError(f"the input {name!r} must have the shape {shape}, not {list(array.shape)}")
            rows[name] = len(array)
        if len(set(rows.values())) > 1:
            raise ValueError(f"the inputs differ in their number of rows: {rows}")

    def run_part(self, inputs, start, size):
        """The answers to size rows from start on; past the end, the last row is repeated."""
        rows = len(next(iter(inputs.values())))
        places = np.minimum(np.arange(start, start + size), rows - 1)
        return self.session.run(list(self.outputs), {name: array[places] for name, array in inputs.items()})
