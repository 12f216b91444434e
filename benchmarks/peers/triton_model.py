"""The model in Triton's Python back end."""

import os

import numpy as np
import triton_python_backend_utils as triton
from model_session import session


class TritonPythonModel:
    """All requests that Triton batched are one run of the session."""

    def initialize(self, args: dict) -> None:
        self.model = session(os.environ["MODEL"])

    def execute(self, requests: list) -> list:
        inputs = [triton.get_input_tensor_by_name(request, "input").as_numpy() for request in requests]
        outputs = self.model.run(["probability"], {"input": np.concatenate(inputs)})[0]
        ends = np.cumsum([len(rows) for rows in inputs])[:-1]
        return [triton.InferenceResponse([triton.Tensor("probability", part)]) for part in np.split(outputs, ends)]
