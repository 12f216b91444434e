"""The server: a plain ASGI application that answers the Open Inference Protocol for a model repository (lesson 03).

A request for a prediction goes straight through: body → :func:`protocol.decode` → :class:`batching.Batcher` →
:func:`protocol.encode` → body. Everything else asks the repository, or changes it.
:mod:`modelserving.listen` puts the application on a socket. ASGI: https://asgi.readthedocs.io.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import perf_counter, time
from typing import Any

from modelserving import metrics, protocol
from modelserving.batching import SHORT, Batcher, QueueFull, Refused
from modelserving.fleet import WAITING, Holding, NoRoom
from modelserving.interpreter import Interpreter, InvalidInput
from modelserving.protocol import Limits, ProtocolError
from modelserving.repository import Repository, no_room, not_loaded, pick
from modelserving.slots import Slots
from modelserving.store import Arrays, Journal, Kept, Record, Store, StoreError, WrongRows, moment
from modelserving.stubs import StubModel

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]

JSON = (b"content-type", b"application/json")
BINARY = (b"content-type", b"application/octet-stream")
LONGEST_WAIT = 3600  # seconds that anyone is told to stay away

log = logging.getLogger("modelserving")


@dataclass(slots=True)
class Answer:
    """What goes back: the status, headers but for the length, and the body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


Handler = Callable[[Headers, Receive], Awaitable[Answer]]
Route = dict[str, Handler]  # what answers a path, by method


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Server:
    """The application, ``await server(scope, receive, send)``, over a repository.

    The repository's models are loaded when the application starts up, in a thread: the server is live at once and
    ready when they are. ``inline``, ``batch_rows``, ``queue_rows``, ``max_wait``, ``deadline`` and ``instances`` are
    those of :class:`~modelserving.batching.Batcher`, for each model. ``slots`` batches are run in threads at once, of
    all models together; by default as many as there are cores, or instances if those are more.
    A change of the repository by other hands is noticed. If it has a budget, a request for a model that is not loaded
    waits until it is; the others go on meanwhile.

    With a ``store`` (:class:`~modelserving.store.Store`, or the path of one) each prediction is kept in it before its
    answer goes out, and labels can be brought to it. ``clock`` gives the time, in seconds since 1970, of both: another
    one than the machine's replays what happened in other years.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        limits: Limits | None = None,
        inline: float | bool = SHORT,
        batch_rows: int = 1024,
        queue_rows: int = 16384,
        max_wait: float = 0.0,
        deadline: float | None = None,
        instances: int = 1,
        slots: int | None = None,
        store: Store | str | os.PathLike | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        repository.check()
        self.repository, self.limits = repository, limits or Limits()
        self.slots = Slots(slots or max(cores(), instances))
        self.batching = {
            "inline": inline,
            "batch_rows": batch_rows,
            "queue_rows": queue_rows,
            "max_wait": max_wait,
            "deadline": deadline,
            "instances": instances,
            "slots": self.slots,
        }
        self.clock = clock
        self.journal = None if store is None else Journal(store if isinstance(store, Store) else Store(store))
        self.failed: dict[str, str] = {}  # models that could not be loaded at the start, and why
        self.started, self.stopping = False, False
        self.on_started: Callable[[], None] = lambda: None
        self.metrics: dict[tuple[str, str], metrics.ModelMetrics] = {}
        self.others: Counter[int] = Counter()
        self._endpoints: dict[Interpreter, Endpoint] = {}
        self._routes: dict[str, Route] = {}
        self._generation = -1
        self._tasks: set[asyncio.Task] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's start and end."""
        if scope["type"] != "http":
            await self.lifespan(scope, receive, send)
            return
        try:
            answer = await self.answer(scope, receive)
        except Disconnected:
            return
        headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Find what answers the path and the method, and let it. Whatever is wrong becomes an error's answer."""
        if self._generation != self.repository.generation:
            self._build_routes()
        counted = self.others
        try:
            headers = self.headers(scope["headers"])
            route = self._routes.get(scope["path"])
            if route is None:
                route = self.find(scope["path"])
            handler = route.get(scope["method"])
            if handler is None:
                return self.wrong_method(scope["method"], route)
            if isinstance(handler, COUNTED):
                counted = handler.metrics.statuses
            answer = await handler(headers, receive)
        except ProtocolError as error:
            answer = failure(error)
        except (Disconnected, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("A fault while answering %s %s", scope["method"], scope["path"])
            answer = failure(ProtocolError("internal", "The server has a fault. Its log says more."))
        counted[answer.status] += 1
        return answer

    def headers(self, pairs: list[tuple[bytes, bytes]]) -> Headers:
        """Headers by lower-case name; of those that came twice, the last."""
        if sum([len(name) + len(value) for name, value in pairs]) > self.limits.headers:
            raise ProtocolError("headers_too_large", f"The headers have more than {self.limits.headers:,} bytes.")
        return dict(pairs)

    async def body(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body, decompressed, or 413 as soon as it is certain that it is too large."""
        limit = self.limits.body
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length[:20]) > limit:
            raise too_large(limit)
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body"):
                if size > limit:
                    raise too_large(limit)
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
            body = b"".join(parts)
        if message["type"] == "http.disconnect":
            raise Disconnected
        if len(body) > limit:
            raise too_large(limit)
        encoding = headers.get(b"content-encoding")
        if encoding is not None:
            body = protocol.decompress(body, encoding.decode("latin-1").strip().lower(), limit)
        return body

    def decode(self, headers: Headers, body: bytes) -> protocol.InferRequest:
        """The request for a prediction that a body holds."""
        length = headers.get(b"inference-header-content-length")
        return protocol.decode(body, length and length.decode("latin-1"), self.limits)

    # Paths

    def _build_routes(self) -> None:
        """Routes for what can be served now. Versions that were replaced finish what they have and end."""
        self._generation = self.repository.generation
        models = self.repository.ready() if self.repository.fleet is None else {}  # a fleet's come one by one
        current = {interpreter for versions in models.values() for interpreter in versions.values()}
        for gone in set(self._endpoints) - current:
            self._start(self._endpoints.pop(gone).batcher.close())
        routes = self._fixed_routes()
        for name, versions in models.items():
            for version, interpreter in versions.items():
                endpoint = self._endpoints.get(interpreter) or self._open_endpoint(interpreter)
                # The highest version comes last, and stays under the path that names none.
                for path in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
                    routes[path] = get(reply_with(protocol.model_metadata(name, versions, interpreter.signature)))
                    routes[f"{path}/ready"] = get(reply_with({"name": name, "ready": True}))
                    routes[f"{path}/infer"] = {"POST": endpoint}
                if self.journal:
                    routes[f"/v2/models/{name}/labels"] = {"POST": self.labels(name)}
        self._routes = routes

    def _fixed_routes(self) -> dict[str, Route]:
        about = get(reply_with(protocol.server_metadata(["labels"] if self.journal else [])))
        return {
            "/v2": about,
            "/v2/": about,
            "/v2/health/live": get(reply_with({"live": True})),
            "/v2/health/ready": get(self.ready),
            "/v2/repository/index": {"POST": self.index},
            "/metrics": get(self.show_metrics),
        }

    def _open_endpoint(self, interpreter: Interpreter) -> Endpoint:
        self._endpoints[interpreter] = self.endpoint(interpreter)
        return self._endpoints[interpreter]

    def endpoint(self, interpreter: Interpreter) -> Endpoint:
        """What answers requests for this version of a model."""
        counts = self.counts(interpreter.name, interpreter.version)
        batcher = Batcher(interpreter, observe=counts.observe_batch, dropped=counts.dropped, **self.batching)
        for rows, seconds in getattr(interpreter, "timed", ()):  # its first runs, if it was tried out already
            batcher.pace.observe(rows, seconds)
            batcher.best.observe(rows, seconds)
        return (LoggedEndpoint if self.journal else Endpoint)(self, interpreter, batcher, counts)

    def counts(self, name: str, version: str) -> metrics.ModelMetrics:
        """What is counted about a version, from the first time on that somebody asks."""
        return self.metrics.setdefault((name, version), metrics.ModelMetrics())

    def find(self, path: str) -> Route:
        """The route of a path that is not among those kept: a command to the repository, or something unknown.

        Raises :class:`~modelserving.protocol.ProtocolError` with the reason why a path is unknown.
        """
        match path.split("/")[1:]:
            case ["v2", "repository", "models", name, ("load" | "unload") as command]:
                return {"POST": self.change(command, name)}
            case ["v2", "models", name, "labels"] if self.journal:
                return {"POST": self.labels(name)}
            case ["v2", "models", name, "versions", version, *rest] if self.repository.fleet and len(rest) < 2:
                return self.find_in_fleet(path, name, version, *rest)
            case ["v2", "models", name, *rest] if self.repository.fleet and len(rest) < 2:
                return self.find_in_fleet(path, name, None, *rest)
            case ["v2", "models", name, "versions", version] | ["v2", "models", name, "versions", version, _]:
                self.repository.get(name, version)
            case ["v2", "models", name] | ["v2", "models", name, _]:
                self.repository.get(name)
        raise unknown_path(path)

    def find_in_fleet(self, path: str, name: str, version: str | None, what: str = "") -> Route:
        """The route of a path that names a model of a fleet, kept for the next time: it is there, loaded or not."""
        repository = self.repository
        if not repository.knows(name):
            raise protocol.unknown_model(name, repository.names())
        if version is not None and not repository.knows(name, version):
            raise protocol.unknown_version(name, version, repository.versions(name))
        known = version or repository.versions(name)[-1]
        member = FleetEndpoint(self, name, version, self.counts(name, known))
        routes = {"": get(member.about), "ready": get(member.ready), "infer": {"POST": member}}
        if what not in routes:
            raise unknown_path(path)
        self._routes[path] = routes[what]
        return routes[what]

    def wrong_method(self, method: str, route: Route) -> Answer:
        """405, with the methods that the path has."""
        allowed = ", ".join(route)
        error = ProtocolError("wrong_method", f"The method {method} is not allowed here; use {allowed}.")
        answer = failure(error)
        answer.headers.append((b"allow", allowed.encode()))
        self.others[answer.status] += 1
        return answer

    # What answers them, predictions apart

    async def ready(self, headers: Headers, receive: Receive) -> Answer:
        """Ready: the models that the server started with are loaded, and it is not about to stop."""
        if not self.started or self.stopping:
            what = "shutting down" if self.stopping else "still loading models"
            raise ProtocolError("not_ready", f"The server is {what}.")
        return reply({"ready": True})

    async def index(self, headers: Headers, receive: Receive) -> Answer:
        """The repository's models and versions with their state; the body may be empty, or ask for ready ones."""
        body = await self.body(headers, receive)
        wanted = protocol.load_json(body) if body.strip() else {}
        return reply(self.repository.index(protocol.flag(wanted, "ready", "the request", False)))

    def change(self, command: str, name: str) -> Handler:
        """What loads or unloads a model, in a thread. Parameters in the body have no effect."""

        async def handler(headers: Headers, receive: Receive) -> Answer:
            body = await self.body(headers, receive)
            if body.strip():
                protocol.parameters(protocol.load_json(body))
            act = getattr(self.repository, command)
            await asyncio.to_thread(act, name)
            return reply({})

        return handler

    def labels(self, name: str) -> Handler:
        """What takes labels of a model's predictions, in a thread; of one that is served no longer, too."""

        async def handler(headers: Headers, receive: Receive) -> Answer:
            labels = protocol.decode_labels(await self.body(headers, receive))
            now = self.clock()
            times = [now if given is None else given for given in labels.times]
            kept = await asyncio.to_thread(self.keep_labels, name, labels, times)
            return reply({"kept": kept.labels, "unknown": kept.unknown})

        return handler

    def keep_labels(self, name: str, labels: protocol.Labels, times: list[float | str]) -> Kept:
        """Write labels to the store: all of them, or none. Raises :class:`~modelserving.protocol.ProtocolError`."""
        store = self.journal.store
        try:
            if name not in self.repository.names() and name not in (known := store.names()):
                raise protocol.unknown_model(name, sorted({*self.repository.names(), *known}))
            return store.label(name, labels.ids, labels.values, times)
        except WrongRows as error:
            raise ProtocolError("wrong_size", str(error)) from None
        except ValueError as error:
            raise ProtocolError("wrong_value", str(error)) from None
        except StoreError as error:
            raise not_kept(error) from error

    async def show_metrics(self, headers: Headers, receive: Receive) -> Answer:
        """All counters in Prometheus' text format."""
        waiting = {(name, version): 0 for name, versions in self.repository.ready().items() for version in versions}
        for endpoint in self.endpoints():
            waiting[endpoint.interpreter.name, endpoint.interpreter.version] = endpoint.batcher.waiting
        for key in waiting:
            self.counts(*key)
        text = metrics.render(self.metrics, waiting, self.others, self.repository.fleet)
        return Answer(200, [(b"content-type", metrics.CONTENT_TYPE.encode())], text.encode())

    def endpoints(self) -> list[Endpoint]:
        """Those of all that is loaded and was asked for."""
        fleet = self.repository.fleet
        if fleet is None:
            return list(self._endpoints.values())
        return [endpoint for holding in fleet.ready().values() for endpoint in holding.attached.values()]

    # Start and end

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follow the ASGI server's start and end: load models at the start, finish what was accepted at the end."""
        if scope["type"] != "lifespan":
            raise ValueError(f"modelserving answers HTTP, not {scope['type']}")
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start(self.load())
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def load(self) -> None:
        """Load the models of the repository, if nobody has; then the server is ready."""
        if not self.repository.generation:
            self.failed = await asyncio.to_thread(self.repository.load_all)
        self.started, self.stopping = True, False
        self.on_started()

    async def close(self) -> None:
        """Wait until all that was accepted is answered."""
        self.stopping = True
        for endpoint in self.endpoints():
            await endpoint.batcher.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.slots.close()
        if self.journal:
            self.journal.close()

    def release_when_idle(self, holding: Holding, batcher: Batcher) -> None:
        """Give a model back once nothing of it runs: the client of a request that is being computed has gone."""

        async def wait() -> None:
            await batcher.close()
            self.repository.release(holding)

        self._start(wait())

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)  # or it might be collected before it is done
        task.add_done_callback(self._tasks.discard)


@dataclass(slots=True, eq=False)
class Endpoint:
    """What answers requests for a prediction by one version of a model."""

    server: Server
    interpreter: Interpreter
    batcher: Batcher
    metrics: metrics.ModelMetrics

    async def __call__(self, headers: Headers, receive: Receive) -> Answer:
        """Decode, predict together with whoever else asks, encode."""
        started = perf_counter()
        request = self.server.decode(headers, await self.server.body(headers, receive))
        return await self.answer(request, started)

    async def answer(self, request: protocol.InferRequest, started: float) -> Answer:
        """The answer to a request that came at ``started``."""
        outputs = await self.predict(request, started)
        answer = self.encode(request, outputs)
        self.metrics.request_seconds.observe(perf_counter() - started)
        return answer

    async def predict(self, request: protocol.InferRequest, started: float) -> Arrays:
        """The model's outputs for a request whose time runs since ``started``."""
        left = request.timeout and request.timeout - (perf_counter() - started)
        try:
            reply = self.batcher.submit(request.inputs, request.outputs, left)
            return await reply
        except InvalidInput as error:
            raise protocol.refused(error) from None
        except Refused as error:
            kind = "overloaded" if isinstance(error, QueueFull) else "deadline"
            raise ProtocolError(kind, f"{error} Try again later.", error.retry_after) from None
        except asyncio.CancelledError:
            self.batcher.withdraw(reply)
            raise

    def encode(self, request: protocol.InferRequest, outputs: Arrays) -> Answer:
        """The answer to a request, in the form that it asked for."""
        body, head = protocol.encode(self.interpreter.name, self.interpreter.version, request, outputs)
        if head is None:
            return Answer(200, [JSON], body)
        return Answer(200, [BINARY, (b"inference-header-content-length", b"%d" % head)], body)


@dataclass(slots=True, eq=False)
class LoggedEndpoint(Endpoint):
    """The same for a server that keeps a log: the answer goes out once it is written there.

    A class of its own, so that a server without a log need not ask at each request whether it has one.
    """

    async def answer(self, request: protocol.InferRequest, started: float) -> Answer:
        """Predict, encode while the log is written, wait for that."""
        at, journal = moment(self.server.clock()), self.server.journal
        outputs = await self.predict(request, started)
        request.id = request.id or journal.names.new()  # by which its label will name it
        name, version = self.interpreter.name, self.interpreter.version
        kept = journal.write(Record(name, version, request.inputs, outputs, request.id, at))
        answer = self.encode(request, outputs)
        try:
            await kept
        except StoreError as error:
            raise not_kept(error) from error
        self.metrics.request_seconds.observe(perf_counter() - started)
        return answer


@dataclass(slots=True, eq=False)
class FleetEndpoint:
    """What answers requests for a model that may have to be loaded first; its highest version, when none is named.

    It stays when the model leaves. What belongs to the loaded model, batcher included, leaves with it.
    """

    server: Server
    name: str
    version: str | None
    metrics: metrics.ModelMetrics  # of the version that answered last
    rows: int = 0  # of requests that wait for the model

    async def __call__(self, headers: Headers, receive: Receive) -> Answer:
        """Decode, see that the model is loaded, then let its endpoint answer."""
        started = perf_counter()
        request = self.server.decode(headers, await self.server.body(headers, receive))
        holding = self.server.repository.acquire(self.name)
        endpoint = None
        try:
            if not holding.content:
                await self.wait(holding, request, started)
            endpoint = self.endpoint(holding)
            return await endpoint.answer(request, started)
        except asyncio.CancelledError:  # the client has gone, and its request may be in the middle of a run
            if endpoint:
                self.server.release_when_idle(holding, endpoint.batcher)
                holding = None
            raise
        finally:
            if holding:
                self.server.repository.release(holding)

    def endpoint(self, holding: Holding) -> Endpoint:
        """The loaded model's, made for its first request."""
        interpreter = pick(self.name, holding.content, self.version)
        endpoint = holding.attached.get(interpreter.version)
        if endpoint is None:
            endpoint = holding.attached[interpreter.version] = self.server.endpoint(interpreter)
        self.metrics = endpoint.metrics
        return endpoint

    async def wait(self, holding: Holding, request: protocol.InferRequest, started: float) -> None:
        """Wait until the model is loaded; not longer than the request, or the budget, has time."""
        rows = max((array.shape[0] for array in request.inputs.values() if array.ndim), default=1)
        settings = self.server.batching
        if self.rows and self.rows + rows > settings["queue_rows"]:
            self.metrics.dropped["full"] += 1
            raise ProtocolError("overloaded", f"{self.rows} rows wait for {self.name!r} to load. Try again later.", 1.0)
        patience = self.server.repository.budget.wait
        given = [left for left in (request.timeout, settings["deadline"]) if left is not None]
        left = min([patience, *given]) - (perf_counter() - started)
        self.rows += rows
        try:
            await arrival(holding, left)
        except TimeoutError:
            if given and min(given) < patience:
                self.metrics.dropped["expired"] += 1
                said = f"The model {self.name!r} was not loaded in the {min(given):.2g} s that were left."
                raise ProtocolError("deadline", f"{said} Try again later.", 1.0) from None
            if holding.state is WAITING:
                raise no_room(NoRoom(self.server.repository.fleet.full(holding))) from None
            raise ProtocolError("not_ready", f"The model {self.name!r} is still being loaded.", 1.0) from None
        except ProtocolError as error:
            raise not_loaded(self.name, error) from None
        finally:
            self.rows -= rows

    async def about(self, headers: Headers, receive: Receive) -> Answer:
        """The model's metadata; what it takes and gives is known once it is loaded."""
        holding = self.server.repository.acquire(self.name)
        try:
            if not holding.content:
                await self.wait(holding, protocol.InferRequest({}), perf_counter())
            interpreter = pick(self.name, holding.content, self.version)
            return reply(protocol.model_metadata(self.name, holding.content, interpreter.signature))
        finally:
            self.server.repository.release(holding)

    async def ready(self, headers: Headers, receive: Receive) -> Answer:
        """Ready: it can be asked, and is loaded or will be."""
        self.server.repository.askable(self.name, self.version)
        return reply({"name": self.name, "ready": True})


COUNTED = (Endpoint, FleetEndpoint)  # whose requests are counted by model


async def arrival(holding: Holding, seconds: float) -> None:
    """Wait until a model is loaded, without blocking anyone. Raises why it will not be, or TimeoutError."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def loaded(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(wake)

    holding.arrival.add_done_callback(loaded)
    async with asyncio.timeout(max(seconds, 0)):
        await waiter
    holding.arrival.result()


def not_kept(error: OSError) -> ProtocolError:
    """The error for what could not be written to the log; why is the operator's business, and stands in our log."""
    log.error("%s", error)
    return ProtocolError("not_kept", "The server's log cannot be written just now. Try again later.", 1.0)


def reply(message: Any) -> Answer:
    """200 with JSON."""
    return Answer(200, [JSON], protocol.dump_json(message))


def reply_with(message: Any) -> Handler:
    """What always gives the same answer."""
    answer = reply(message)

    async def handler(headers: Headers, receive: Receive) -> Answer:
        return answer

    return handler


def get(handler: Handler) -> Route:
    """A route for GET, and so for HEAD: the ASGI server leaves the body out."""
    return {"GET": handler, "HEAD": handler}


def failure(error: ProtocolError) -> Answer:
    """The answer to a request that something is wrong with."""
    answer = Answer(error.status, [JSON], protocol.error_body(error.message))
    if error.retry_after is not None:  # HTTP has whole seconds
        seconds = max(1, math.ceil(min(error.retry_after, LONGEST_WAIT)))
        answer.headers.append((b"retry-after", b"%d" % seconds))
    return answer


def unknown_path(path: str) -> ProtocolError:
    """The error for a path that is none of the server's."""
    return ProtocolError("unknown_path", f"There is no path {path[:200]!r}. GET /v2 describes the server.")


def too_large(limit: int) -> ProtocolError:
    """The error for a body of more than ``limit`` bytes."""
    return ProtocolError("too_large", f"The body is larger than the {limit:,} bytes that the server takes.")


Models = str | os.PathLike | StubModel | Iterable[StubModel] | Repository


def repository_of(models: Models) -> Repository:
    """A repository of a folder, or of stubs; one that is a repository already stays as it is."""
    if isinstance(models, Repository):
        return models
    if isinstance(models, str | os.PathLike):
        return Repository(models)
    repository = Repository(None)
    for stub in [models] if isinstance(models, StubModel) else models:
        repository.add(stub)
    return repository


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def running(models: Models | Server, port: int = 0, **options: Any) -> AbstractContextManager[str]:
    """Serve in a thread of this process, and give the URL: ``with running("models") as url``.

    ``models`` is a folder, one or more :class:`~modelserving.stubs.StubModel`, a
    :class:`~modelserving.repository.Repository`, or a :class:`Server`; ``options`` are those of :class:`Server` for
    all but the last. Port 0 takes a free one. Ready at entry; at exit it finishes what it accepted.
    See :func:`modelserving.listen.in_thread`.
    """
    from modelserving.listen import in_thread  # which imports this module

    return in_thread(models if isinstance(models, Server) else Server(repository_of(models), **options), port)


def served(
    models: str | os.PathLike | StubModel | Iterable[StubModel], port: int = 0, **options: Any
) -> AbstractContextManager[str]:
    """Serve in a process of its own, and give the URL: ``with served("models", deadline=0.1) as url``.

    It is the command ``modelserving serve``; ``options`` are its options, with underscores. Client and server then do
    not share Python's lock. Ready at entry; at exit it finishes what it accepted.
    See :func:`modelserving.listen.in_process`.
    """
    from modelserving.listen import in_process

    return in_process(models, port, **options)
