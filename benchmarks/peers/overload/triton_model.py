"""The device in Triton's Python back end."""

import triton_python_backend_utils as triton
from device import run


class TritonPythonModel:
    """One request after another: Triton hands over one at a time."""

    def execute(self, requests: list) -> list:
        inputs = [triton.get_input_tensor_by_name(request, "input").as_numpy() for request in requests]
        return [triton.InferenceResponse([triton.Tensor("output", run(rows))]) for rows in inputs]
