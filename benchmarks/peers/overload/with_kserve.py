"""KServe's SDK, which has nothing of its own against overload. ``python with_kserve.py PORT``"""

import asyncio
import sys

from device import Device
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

port = int(sys.argv[1])
sys.argv[1:] = []  # kserve reads them when it is imported


class Predict(Model):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.device = Device()
        self.ready = True

    async def predict(self, payload: InferRequest, headers: dict | None = None, **_: object) -> InferResponse:
        outputs = await asyncio.wrap_future(self.device.submit(payload.inputs[0].as_numpy()))
        output = InferOutput("output", list(outputs.shape), "FP32")
        output.set_data_from_numpy(outputs, binary_data=False)
        return InferResponse(payload.id or "0", self.name, [output])


ModelServer(http_port=port, enable_grpc=False, enable_latency_logging=False, event_loop="uvloop").start(
    [Predict("model")]
)
