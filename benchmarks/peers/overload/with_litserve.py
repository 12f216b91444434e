"""LitServe, which can leave out what waited too long. ``python with_litserve.py PORT``"""

import sys

import litserve
import numpy as np
from device import LIMIT, PATIENCE, run


class Predict(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def decode_request(self, request: dict) -> np.ndarray:
        return np.array(request["rows"], np.float32)

    def predict(self, rows: np.ndarray) -> np.ndarray:  # in a process of its own, one request after another
        return run(rows)

    def encode_response(self, output: np.ndarray) -> dict:
        return {"output": output.tolist()}


if __name__ == "__main__":
    timeout = PATIENCE if LIMIT else 30  # s; the latter is its default
    server = litserve.LitServer(Predict(), accelerator="cpu", devices=1, fast_queue=True, timeout=timeout)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error", access_log=False)
