"""MLServer, which has nothing against overload, in process and without metrics. ``python with_mlserver.py PORT``"""

import asyncio
import sys

import uvloop
from device import Device
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse

port = int(sys.argv[1])


class Predict(MLModel):
    async def load(self) -> bool:
        self.device = Device()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        outputs = await asyncio.wrap_future(self.device.submit(rows))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output", outputs)])


async def main() -> None:
    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        parallel_workers=0,
        debug=False,
        metrics_endpoint=None,
    )
    model = ModelSettings(name="model", implementation=Predict, parameters=ModelParameters(version="1"))
    await MLServer(settings).start([model])


asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
