"""Ray Serve, one replica, on a Ray of its own without the dashboard. ``python with_ray.py MODEL PORT``"""

import os
import sys
import time

os.environ["RAY_AUTH_MODE"] = "disabled"  # or it keeps a token in the home folder
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
import ray
from model_session import session
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

path, port = sys.argv[1:]


@serve.deployment(num_replicas=1, max_ongoing_requests=128, ray_actor_options={"num_cpus": 0})
class Predict:
    def __init__(self) -> None:
        self.model = session(path)

    async def __call__(self, request: Request) -> dict | Response:
        if request.url.path == "/binary":
            inputs = np.frombuffer(await request.body(), np.float32).reshape(-1, 13)
            outputs = self.model.run(["probability"], {"input": inputs})[0]
            return Response(outputs.tobytes(), media_type="application/octet-stream")
        inputs = np.array((await request.json())["rows"], np.float32)
        return {"probability": self.model.run(["probability"], {"input": inputs})[0].tolist()}


ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=10**8, _temp_dir=os.getcwd())
serve.start(
    http_options={"host": "127.0.0.1", "port": int(port)},
    logging_config={"enable_access_log": False, "log_level": "ERROR"},
)
serve.run(Predict.bind(), route_prefix="/")
while True:
    time.sleep(3600)
