"""
student = "petra"
kind = "wrong"
what = "Repeats the data types in the words of ONNX, and raises one kind of error for everything."
[loses]
test_Runner = 1
test_Runner_hidden = 1
test_Runner_refuses = 1
test_Runner_byte_order = 1
test_Runner_rows = 1
test_Runner_no_rows = 1
"""
# %% [exercises] Runner
class Runner:
    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path)

    def signature(self):
        return {
            side: {node.name: (node.type, node.shape) for node in nodes}
            for side, nodes in (("inputs", self.session.get_inputs()), ("outputs", self.session.get_outputs()))
        }

    def predict(self, inputs):
        names = [node.name for node in self.session.get_outputs()]
        try:
            return dict(zip(names, self.session.run(names, inputs)))
        except Exception as error:
            raise ValueError(str(error))
