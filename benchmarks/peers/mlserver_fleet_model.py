"""A model of MLServer's repository: the ONNX file that its ``model-settings.json`` names, as every peer serves it."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from model_session import session


class Predict(MLModel):
    async def load(self) -> bool:
        self.model = session(self.settings.parameters.uri)
        return True

    async def unload(self) -> bool:
        self.model = None
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        inputs = NumpyCodec.decode_input(payload.inputs[0])
        outputs = self.model.run(["probability"], {"input": inputs})[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("probability", outputs)])
