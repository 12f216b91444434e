"""LitServe with one worker that batches what has come in. ``python with_litserve.py MODEL PORT``"""

import sys

import litserve
import numpy as np
from model_session import session

path, port = sys.argv[1:]


class Predict(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = session(path)

    def decode_request(self, request: dict) -> np.ndarray:
        return np.array(request["rows"], np.float32)

    def batch(self, inputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return np.concatenate(inputs), np.cumsum([len(rows) for rows in inputs])[:-1]

    def predict(self, inputs: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
        rows, ends = inputs
        return np.split(self.model.run(["probability"], {"input": rows})[0], ends)

    def unbatch(self, output: list[np.ndarray]) -> list[np.ndarray]:
        return output

    def encode_response(self, output: np.ndarray) -> dict:
        return {"probability": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Predict(max_batch_size=64), accelerator="cpu", devices=1, fast_queue=True)
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning", access_log=False)
