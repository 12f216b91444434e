"""FastAPI on uvicorn; pydantic checks a JSON body, float32 come raw. ``python with_fastapi.py MODEL PORT``"""

import sys

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from model_session import session
from pydantic import BaseModel

model = session(sys.argv[1])
app = FastAPI()


class Rows(BaseModel):
    rows: list[list[float]]


class Probabilities(BaseModel):
    probability: list[list[float]]


@app.post("/predict")
async def predict(body: Rows) -> Probabilities:  # async: a hop to a thread costs more than the prediction
    inputs = np.array(body.rows, np.float32)
    return Probabilities(probability=model.run(["probability"], {"input": inputs})[0].tolist())


@app.post("/binary")
async def binary(request: Request) -> Response:
    inputs = np.frombuffer(await request.body(), np.float32).reshape(-1, 13)
    outputs = model.run(["probability"], {"input": inputs})[0]
    return Response(outputs.tobytes(), media_type="application/octet-stream")


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
