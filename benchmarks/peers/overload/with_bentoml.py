"""BentoML, which can bound requests and their time: ``bentoml serve with_bentoml:Predict --port PORT``"""

import asyncio

import bentoml
import numpy as np
from device import DEADLINE, LIMIT, Device

traffic = {"max_concurrency": LIMIT, "timeout": DEADLINE} if LIMIT else {}


@bentoml.service(workers=1, traffic=traffic, logging={"access": {"enabled": False}})
class Predict:
    def __init__(self) -> None:
        self.device = Device()

    @bentoml.api
    async def predict(self, rows: np.ndarray) -> np.ndarray:
        return await asyncio.wrap_future(self.device.submit(rows.astype(np.float32)))
