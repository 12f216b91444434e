"""KServe's SDK on one process, without gRPC and its latency log. ``python with_kserve.py MODEL PORT``"""

import sys

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from model_session import session

path, port = sys.argv[1:]
sys.argv[1:] = []  # kserve reads them when it is imported


class Predict(Model):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.model = session(path)
        self.ready = True

    async def predict(self, payload: InferRequest, headers: dict | None = None, **_: object) -> InferResponse:
        inputs = payload.inputs[0].as_numpy()
        outputs = self.model.run(["probability"], {"input": inputs})[0]
        binary = bool(payload.use_binary_outputs)
        output = InferOutput("probability", list(outputs.shape), "FP32")
        output.set_data_from_numpy(outputs, binary_data=binary)
        return InferResponse(payload.id or "0", self.name, [output], use_binary_outputs=binary)


ModelServer(http_port=int(port), enable_grpc=False, enable_latency_logging=False, event_loop="uvloop").start(
    [Predict("model")]
)
