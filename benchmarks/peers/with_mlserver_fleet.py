"""MLServer over its model repository, in process, without metrics. ``python with_mlserver_fleet.py FOLDER PORT FIRST``

``FIRST`` is the model that is loaded at the start, ``all`` for all of them; others come by the repository's API.
"""

import asyncio
import sys

import uvloop
from mlserver import MLServer, Settings
from mlserver.repository import SchemalessModelRepository

folder, port, first = sys.argv[1:]


async def main() -> None:
    settings = Settings(
        host="127.0.0.1",
        http_port=int(port),
        grpc_port=int(port) + 1,
        parallel_workers=0,
        debug=False,
        metrics_endpoint=None,
        model_repository_root=folder,
    )
    found = await SchemalessModelRepository(folder).list()
    await MLServer(settings).start([model for model in found if first in (model.name, "all")])


asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
