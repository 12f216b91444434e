"""Ray Serve, one replica, which can bound what runs and what waits. ``python with_ray.py PORT``"""

import asyncio
import os
import sys
import time

os.environ["RAY_AUTH_MODE"] = "disabled"  # or it keeps a token in the home folder
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
import ray
from device import LIMIT, Device
from ray import serve
from starlette.requests import Request

running = max(1, LIMIT // 2)  # in the replica, which is never idle so; the others wait in the proxy
bounds = {"max_ongoing_requests": running, "max_queued_requests": max(1, LIMIT - running)} if LIMIT else {}


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0}, **bounds)
class Predict:
    def __init__(self) -> None:
        self.device = Device()

    async def __call__(self, request: Request) -> dict:
        inputs = np.array((await request.json())["rows"], np.float32)
        return {"output": (await asyncio.wrap_future(self.device.submit(inputs))).tolist()}


ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=10**8, _temp_dir=os.getcwd())
serve.start(
    http_options={"host": "127.0.0.1", "port": int(sys.argv[1])},
    logging_config={"enable_access_log": False, "log_level": "ERROR"},
)
serve.run(Predict.bind(), route_prefix="/")
while True:
    time.sleep(3600)
