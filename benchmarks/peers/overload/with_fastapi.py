"""FastAPI on uvicorn, which can bound how many connections it serves. ``python with_fastapi.py PORT``"""

import asyncio
import sys

import numpy as np
import uvicorn
from device import LIMIT, Device
from fastapi import FastAPI
from pydantic import BaseModel

device = Device()
app = FastAPI()


class Rows(BaseModel):
    rows: list[list[float]]


class Output(BaseModel):
    output: list[list[float]]


@app.post("/predict")
async def predict(body: Rows) -> Output:
    outputs = await asyncio.wrap_future(device.submit(np.array(body.rows, np.float32)))
    return Output(output=outputs.tolist())


limit = LIMIT + 1 if LIMIT else None  # uvicorn refuses the connection that makes it so many
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False, limit_concurrency=limit)
