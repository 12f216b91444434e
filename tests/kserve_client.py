"""What KServe's own REST client makes of a server of this course; run by test_clients.py in KServe's environment."""

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput

ROWS = np.array([[1.5, -2.0, 0.25], [0.0, 1e-3, 7.0]], np.float32)
ECHOED = {
    "FP16": np.array([[0.5, -65504.0], [6e-8, 1.0]], np.float16),
    "BOOL": np.array([[True, False], [False, True]]),
    "INT64": np.array([[np.iinfo(np.int64).min, np.iinfo(np.int64).max], [0, 1]]),
    "BYTES": np.array([["", "é"], ["two\nlines\0", "𝄞 clef"]], object),
}


def given(name: str, datatype: str, array: np.ndarray, binary: bool) -> InferInput:
    made = InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


async def refused(call) -> tuple[int, str]:
    try:
        await call
    except httpx.HTTPStatusError as error:
        return error.response.status_code, str(error)
    raise AssertionError("this should have been refused")


async def main(url: str) -> dict:
    found = {}
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
        found["live"] = await client.is_server_live(url)
        found["ready"] = await client.is_server_ready(url)
        found["model_ready"] = await client.is_model_ready(url, "times")
        found["unknown_ready"] = await client.is_model_ready(url, "nothing")
        for form in ("json", "binary", "binary both ways"):
            sent = given("x", "FP32", ROWS, form != "json")
            outputs = [RequestedOutput("y", {"binary_data": form == "binary both ways"})]
            request = InferRequest("times", [sent], request_id=form, request_outputs=outputs)
            headers: dict[str, str] = {}
            answer = await client.infer(url, request, model_name="times", response_headers=headers)
            found[form] = {
                "y": answer.outputs[0].as_numpy().tolist(),
                "id": answer.id,
                "model": answer.model_name,
                "raw": "inference-header-content-length" in headers,
            }
        for name, array in ECHOED.items():
            request = InferRequest(f"echo_{name}", [given("x", name, array, True)], request_id="1")
            request.parameters = {"binary_data_output": True}
            answer = await client.infer(url, request, model_name=f"echo_{name}")
            found[name] = answer.outputs[0].as_numpy().tolist()
        request = InferRequest("nothing", [given("x", "FP32", ROWS, False)])
        found["unknown"] = await refused(client.infer(url, request, model_name="nothing"))
        request = InferRequest("times", [given("z", "FP32", ROWS, True)])
        found["wrong"] = await refused(client.infer(url, request, model_name="times"))
    return found


print(json.dumps(asyncio.run(main(sys.argv[1]))))
