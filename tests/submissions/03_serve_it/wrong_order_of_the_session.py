"""
student = "ximena"
kind = "wrong"
what = "Gives the outputs in the order of the session, whatever order was wanted."
[loses]
test_Model = 1
test_Model_hidden = 2
"""
# %% [exercises] Model
class Model:

    def __init__(self, name, path):
        self.name, self.session = name, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.inputs, self.outputs = self._tensors(self.session.get_inputs()), self._tensors(self.session.get_outputs())

    def metadata(self):
        return {
            "name": self.name,
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": self.inputs,
            "outputs": self.outputs,
        }

    def predict(self, inputs, wanted=None):
        faults = [f'"{name}" is no input of this model' for name in inputs if name not in self._names(self.inputs)]
        for expected in self.inputs:
            name, shape = expected["name"], expected["shape"]
            if name not in inputs:
                faults.append(f'"{name}" is missing')
                continue
            array = inputs[name]
            if array.dtype != DATATYPES[expected["datatype"]]:
                faults.append(f'"{name}" has to be {expected["datatype"]} and is {array.dtype}')
            fits = (size in (-1, came) for size, came in zip(shape, array.shape, strict=False))
            if array.ndim != len(shape) or not all(fits):
                faults.append(f'"{name}" has to have the shape {shape} and has {list(array.shape)}')
        if not faults:
            lengths = {}
            for argument in self.session.get_inputs():
                for size, came in zip(argument.shape, inputs[argument.name].shape, strict=True):
                    if isinstance(size, str):
                        lengths.setdefault(size, {})[argument.name] = came
            for by_name in lengths.values():
                if len(set(by_name.values())) > 1:
                    faults.append(f"the lengths of {' and '.join(by_name)} disagree")
        if not faults and wanted is not None:
            faults = [f'"{name}" is no output of this model' for name in wanted if name not in self._names(self.outputs)]
        if faults:
            raise ValueError("; ".join(faults) + ".")
        names = self._names(self.outputs) if wanted is None else [name for name in self._names(self.outputs) if name in wanted]
        return dict(zip(names, self.session.run(names, inputs), strict=True))

    @staticmethod
    def _tensors(arguments):
        return [
            {
                "name": argument.name,
                "datatype": ONNX_TYPES[argument.type],
                "shape": [size if isinstance(size, int) else -1 for size in argument.shape],
            }
            for argument in arguments
        ]

    @staticmethod
    def _names(tensors):
        return [tensor["name"] for tensor in tensors]
