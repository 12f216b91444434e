"""The bare HTTP loop: httptools on asyncio (uvloop) that answers every request with one constant and looks at nothing.

``python with_loop.py MODEL PORT``: the model is run once, for an answer of the right form.
"""

import asyncio
import json
import sys

import httptools
import numpy as np
import uvloop
from model_session import session

path, port = sys.argv[1:]
row = session(path).run(["probability"], {"input": np.zeros((1, 13), np.float32)})[0].ravel().tolist()
output = {"name": "probability", "datatype": "FP32", "shape": [1, 2], "data": row}
BODY = json.dumps({"model_name": "model", "model_version": "1", "outputs": [output]}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Loop(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(ANSWER)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Loop, "127.0.0.1", int(port))
    await server.serve_forever()


uvloop.run(main())
