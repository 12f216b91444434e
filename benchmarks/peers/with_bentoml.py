"""BentoML with its adaptive batching: ``MODEL=… bentoml serve with_bentoml:Predict --port PORT``"""

import os

import bentoml
import numpy as np
from model_session import session


@bentoml.service(workers=1, traffic={"max_concurrency": 1000}, logging={"access": {"enabled": False}})
class Predict:
    def __init__(self) -> None:
        self.model = session(os.environ["MODEL"])

    @bentoml.api(batchable=True, max_batch_size=1024)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.run(["probability"], {"input": rows.astype(np.float32)})[0]
