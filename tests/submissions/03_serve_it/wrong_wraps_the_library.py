"""
student = "tevita"
kind = "wrong"
what = "Wraps the functions of modelserving, which follow other rules than the docstrings."
[loses]
test_to_array_values = 1
test_to_array_refusals = 2
test_to_tensor_hidden = 2
test_unpack_hidden = 1
test_unpack_refusals = 2
test_Model = 1
test_Model_refusals = 1
"""
# %% [exercises] to_array
from modelserving import protocol
from modelserving.interpreter import Interpreter


def decoded(body, header_length=None):
    try:
        return protocol.decode(body, header_length).inputs
    except protocol.ProtocolError as problem:
        raise ValueError(problem.message)


def to_array(tensor):
    return decoded(json.dumps({"inputs": [tensor]}).encode())[tensor["name"]]


# %% [exercises] to_tensor
def to_tensor(name, array):
    try:
        body, _ = protocol.encode("model", "1", protocol.InferRequest({}), {name: array})
    except KeyError:
        raise ValueError("no such datatype")
    return json.loads(body)["outputs"][0]


# %% [exercises] unpack
def unpack(body, header_length):
    inputs = decoded(body, header_length)
    request = json.loads(body[:header_length])
    binary = [tensor["name"] for tensor in request["inputs"] if "data" not in tensor]
    return request, {name: inputs[name] for name in binary}


# %% [exercises] Model
class Model:
    def __init__(self, name, path):
        self.name, self.interpreter = name, Interpreter(path)

    def metadata(self):
        return protocol.model_metadata(self.name, ["1"], self.interpreter.signature)

    def predict(self, inputs, wanted=None):
        return self.interpreter.predict(inputs, wanted)
