"""MLServer in process, without metrics. ``python with_mlserver.py MODEL PORT``"""

import asyncio
import sys

import uvloop
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse
from model_session import session

path, port = sys.argv[1:]


class Predict(MLModel):
    async def load(self) -> bool:
        self.model = session(path)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        inputs = NumpyCodec.decode_input(payload.inputs[0])
        outputs = self.model.run(["probability"], {"input": inputs})[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("probability", outputs)])


async def main() -> None:
    settings = Settings(
        host="127.0.0.1",
        http_port=int(port),
        grpc_port=int(port) + 1,
        parallel_workers=0,
        debug=False,
        metrics_endpoint=None,
    )
    model = ModelSettings(name="model", implementation=Predict, parameters=ModelParameters(version="1"))
    await MLServer(settings).start([model])


asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
