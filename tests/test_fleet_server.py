"""A server whose repository has a budget: requests for models that are not loaded, over the socket and by command."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx_models
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from wire import Reply, ask

from modelserving import arguments, cli
from modelserving.fleet import Budget
from modelserving.repository import Repository
from modelserving.server import Endpoint, FleetEndpoint, Server, running, served
from modelserving.store import Store
from modelserving.stubs import StubModel

COUNT = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """``m0`` to ``m5`` multiply by 0 to 5; ``m5`` has a version 2 that multiplies by 50."""
    folder = tmp_path_factory.mktemp("fleet")
    for factor in range(COUNT):
        onnx_models.put(folder, f"m{factor}", 1, onnx_models.times(factor))
    onnx_models.put(folder, "m5", 2, onnx_models.times(50))
    return folder


def body(value: float = 1.0, **parameters) -> bytes:
    data = {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [value] * 3}
    return json.dumps({"inputs": [data], "parameters": parameters}).encode()


def infer(url: str, model: str, value: float = 1.0, **parameters) -> Reply:
    reply = ask(url, f"/v2/models/{model}/infer", body(value, **parameters))
    reply.check()
    return reply


def factor(reply: Reply) -> float:
    assert reply.status == 200, reply.body
    return reply.json["outputs"][0]["data"][0]


def metrics(url: str) -> dict[tuple[str, str], float]:
    """Values by name and the label ``model``, or ``unit``."""
    families = text_string_to_metric_families(ask(url, "/metrics").body.decode())
    samples = [sample for family in families for sample in family.samples]
    return {(s.name, s.labels.get("model") or s.labels.get("unit", "")): s.value for s in samples}


class Gate:
    """Loads of a repository that stop until they are let through."""

    def __init__(self, models: Repository, *names: str) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        load = models.fleet._open

        def wait(name: str) -> dict:
            if name in names:
                self.begun.set()
                assert self.open.wait(20)
            return load(name)

        models.fleet._open = wait


@contextmanager
def in_thread(work, *arguments, **keywords) -> Iterator[list]:
    """Do work beside what the ``with`` statement does; its result is in the list afterwards."""
    results: list = []
    thread = threading.Thread(target=lambda: results.append(work(*arguments, **keywords)))
    thread.start()
    try:
        yield results
    finally:
        thread.join(20)


# What a client sees


def test_every_model_is_answered_and_few_are_loaded(folder):
    models = Repository(folder, budget=Budget(models=2))
    with running(models) as url:
        for number in (0, 1, 2, 3, 4, 4, 3, 1):
            assert factor(infer(url, f"m{number}")) == number
        found = metrics(url)
        index = ask(url, "/v2/repository/index", {"ready": True}).json
    assert models.fleet.most_models == 2
    assert [row["name"] for row in index] == ["m1", "m3"]
    assert found["modelserving_model_requests_total", "m1"] == 2
    assert found["modelserving_model_hits_total", "m1"] == 0
    assert found["modelserving_model_loads_total", "m1"] == 2
    assert found["modelserving_model_evictions_total", "m1"] == 1
    assert found["modelserving_model_load_seconds_total", "m1"] > 0
    assert found["modelserving_model_hits_total", "m4"] == 1
    assert found["modelserving_model_loaded_bytes", "m3"] > 100_000
    assert ("modelserving_model_loaded_bytes", "m4") not in found
    assert (found["modelserving_fleet_held", "models"], found["modelserving_fleet_budget", "models"]) == (2, 2)
    assert found["modelserving_infer_requests_total", "m1"] == 2
    assert found["modelserving_model_ready", "m1"] == 1


def test_versions_metadata_and_readiness_without_having_been_loaded(folder):
    with running(Repository(folder, budget=Budget(models=1))) as url:
        assert ask(url, "/v2/health/ready").status == 200
        assert ask(url, "/v2/models/m5/ready").json == {"name": "m5", "ready": True}
        assert ask(url, "/v2/models/m5").json["versions"] == ["1", "2"]
        assert ask(url, "/v2/models/m5/versions/1").json["inputs"][0]["name"] == "x"
        assert factor(infer(url, "m5")) == 50
        assert factor(infer(url, "m5/versions/1")) == 5
        assert factor(infer(url, "m5/versions/2")) == 50
        for path, says in [
            ("m5/versions/3/infer", "no version '3'"),
            ("none/infer", "no model 'none'"),
            ("none/ready", "no model 'none'"),
            ("m5/other", "no path"),
            ("m5/versions/1/infer/more", "no path"),
            ("../infer", "no model '..'"),
        ]:
            reply = ask(url, f"/v2/models/{path}", body())
            assert (reply.status, says in reply.error) == (404, True), path
        assert ask(url, "/v2/models/m5/infer", method="GET").status == 405


def test_malformed_requests_load_nothing(folder):
    models = Repository(folder, budget=Budget(models=1))
    with running(models) as url:
        assert ask(url, "/v2/models/m1/infer", b"{").status == 400
        assert ask(url, "/v2/models/m1/infer", {"inputs": []}).status == 400
        assert models.fleet.counts == {}
        wrong = {"inputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [1]}]}
        assert ask(url, "/v2/models/m1/infer", wrong).status == 400  # that only the model can tell
        assert models.fleet.ready()["m1"].uses == 0


def test_pinned_models_are_loaded_first_and_stay(folder):
    models = Repository(folder, budget=Budget(models=2), pinned=["m3"])
    with running(models) as url:
        assert list(models.ready()) == ["m3"]
        for number in (0, 1, 2):
            assert factor(infer(url, f"m{number}")) == number
        assert factor(infer(url, "m3")) == 3
        assert metrics(url)["modelserving_model_loads_total", "m3"] == 1
    with pytest.raises(ValueError, match="no model 'm9'"):
        Server(Repository(folder, budget=Budget(models=2), pinned=["m9"]))


def test_the_operator_unloads_and_loads(folder):
    with running(Repository(folder, budget=Budget(models=2))) as url:
        assert factor(infer(url, "m1")) == 1
        assert ask(url, "/v2/repository/models/m1/unload", b"").status == 200
        reply = infer(url, "m1")
        assert (reply.status, reply.error) == (503, "The model 'm1' is not ready: unloaded")
        assert ask(url, "/v2/models/m1/ready").status == 503
        assert ask(url, "/v2/repository/models/m1/load", b"").status == 200
        assert factor(infer(url, "m1")) == 1


def test_a_model_that_cannot_be_loaded_says_why(folder, tmp_path):
    onnx_models.put(tmp_path, "bad", 1, b"no model")
    onnx_models.put(tmp_path, "good", 1, onnx_models.times(3))
    models = Repository(tmp_path, budget=Budget(models=1))
    with running(models) as url:
        for _ in range(3):
            reply = infer(url, "bad")
            assert (reply.status, "cannot load the model" in reply.error) == (503, True)
            assert 1 <= int(reply.headers["retry-after"]) <= 5
        assert models.fleet.counts["bad"].loads == 1
        assert ask(url, "/v2/repository/models/bad/load", b"").status == 400
        onnx_models.put(tmp_path, "bad", 1, onnx_models.times(4))
        assert factor(infer(url, "bad")) == 4
        assert factor(infer(url, "good")) == 3


# Waiting


def test_others_are_served_while_a_model_is_loaded(folder):
    models = Repository(folder, budget=Budget(models=2))
    gate = Gate(models, "m1")
    with running(models) as url:
        assert factor(infer(url, "m0")) == 0
        with in_thread(infer, url, "m1") as late, in_thread(infer, url, "m1") as later:
            assert gate.begun.wait(20)
            assert factor(infer(url, "m0")) == 0
            assert ask(url, "/v2/health/live").status == 200
            rows = {row["name"]: row["state"] for row in ask(url, "/v2/repository/index", b"").json}
            assert rows["m1"] == "LOADING"
            gate.open.set()
        assert (factor(late[0]), factor(later[0])) == (1, 1)
    assert models.fleet.counts["m1"].loads == 1


@pytest.mark.parametrize("whose", ["server", "client"])
def test_a_deadline_counts_while_a_model_is_loaded(folder, whose):
    models = Repository(folder, budget=Budget(models=2))
    gate = Gate(models, "m1")
    options, parameters = ({"deadline": 0.05}, {}) if whose == "server" else ({}, {"timeout": 50_000})
    with running(Server(models, **options)) as url:
        reply = infer(url, "m1", **parameters)
        assert (reply.status, "was not loaded in the 0.05 s" in reply.error) == (503, True)
        assert reply.headers["retry-after"] == "1"
        assert metrics(url)["modelserving_dropped_requests_total", "m1"] == 1
        gate.open.set()


def test_nobody_waits_longer_than_the_budget_says(folder):
    models = Repository(folder, budget=Budget(models=1, wait=0.05))
    gate = Gate(models, "m1")
    with running(models) as url:
        reply = infer(url, "m1")
        assert (reply.status, "still being loaded" in reply.error) == (503, True)
        reply = infer(url, "m2")
        assert (reply.status, "no room for the model 'm2'" in reply.error) == (503, True)
        assert reply.headers["retry-after"] == "1"
        gate.open.set()


def test_only_so_many_rows_wait_for_a_model(folder):
    models = Repository(folder, budget=Budget(models=1))
    gate = Gate(models, "m1")
    with running(Server(models, queue_rows=2)) as url:
        with in_thread(infer, url, "m1") as one, in_thread(infer, url, "m1") as two:
            assert gate.begun.wait(20)
            while models.fleet._coming["m1"].uses < 2:
                threading.Event().wait(0.001)
            refused = infer(url, "m1")
            assert (refused.status, "2 rows wait" in refused.error) == (503, True)
            gate.open.set()
        assert (factor(one[0]), factor(two[0])) == (1, 1)


def test_a_client_that_leaves_in_the_middle_of_a_run_takes_no_model_away_from_it():
    class Slow(StubModel):
        def run(self, inputs, outputs=None):
            begun.set()
            assert go_on.wait(20)
            return super().run(inputs, outputs)

    begun, go_on = threading.Event(), threading.Event()
    models = Repository(None, budget=Budget(models=1))
    models.add(Slow("slow"))
    application = Server(models)

    async def main() -> None:
        await application.load()
        message = {"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}
        received = {"type": "http.request", "body": json.dumps(message).encode()}

        async def receive() -> dict:
            return received

        async def send(message: dict) -> None:
            raise AssertionError("nobody is there")

        scope = {"type": "http", "method": "POST", "path": "/v2/models/slow/infer", "headers": []}
        task = asyncio.ensure_future(application(scope, receive, send))
        assert await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        holding = models.fleet.ready()["slow"]
        assert holding.uses == 1
        go_on.set()
        await application.close()
        assert holding.uses == 0

    asyncio.run(main())


def test_a_client_that_leaves_while_its_model_is_loaded_gives_up_its_place(folder):
    models = Repository(folder, budget=Budget(models=1))
    gate = Gate(models, "m1")
    application = Server(models)

    async def main() -> None:
        await application.load()

        async def receive() -> dict:
            return {"type": "http.request", "body": body()}

        scope = {"type": "http", "method": "POST", "path": "/v2/models/m1/infer", "headers": []}
        task = asyncio.ensure_future(application(scope, receive, lambda message: None))
        assert await asyncio.to_thread(gate.begun.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert models.fleet._coming["m1"].uses == 0
        gate.open.set()
        await application.close()

    asyncio.run(main())


# Inside


def test_an_eviction_rebuilds_no_routes(folder):
    models = Repository(folder, budget=Budget(models=1))
    application = Server(models)
    with running(application) as url:
        assert factor(infer(url, "m1")) == 1
        routes, endpoint = application._routes, application._routes["/v2/models/m1/infer"]
        assert factor(infer(url, "m2")) == 2
        assert factor(infer(url, "m1")) == 1
        assert application._routes is routes
        assert routes["/v2/models/m1/infer"] is endpoint
        assert isinstance(endpoint["POST"], FleetEndpoint)
        assert models.generation == 0


def test_paths_that_are_none_are_not_kept(folder):
    application = Server(Repository(folder, budget=Budget(models=1)))
    with running(application) as url:
        ask(url, "/v2/health/live")
        before = len(application._routes)
        for number in range(5):
            ask(url, f"/v2/models/none{number}/infer", body())
            ask(url, f"/v2/models/m1/versions/{number + 2}/infer", body())
            ask(url, f"/v2/models/m1/more{number}", body())
        assert len(application._routes) == before


def test_without_a_budget_nothing_is_different(folder):
    application = Server(Repository(folder))
    with running(application) as url:
        assert factor(infer(url, "m5")) == 50
        assert {type(endpoint) for endpoint in application._endpoints.values()} == {Endpoint}
        assert type(application._routes["/v2/models/m5/infer"]["POST"]) is Endpoint
        assert not [name for name, _ in metrics(url) if "fleet" in name or "model_loads" in name]


def test_an_evicted_model_s_endpoint_goes_with_it(folder):
    models = Repository(folder, budget=Budget(models=1))
    with running(models) as url:
        infer(url, "m1")
        holding = models.fleet.ready()["m1"]
        assert list(holding.attached) == ["1"]
        infer(url, "m2")
        assert (holding.attached, holding.content) == ({}, {})


def test_a_log_knows_which_model_answered(folder, tmp_path):
    store = Store(tmp_path / "log.db")
    with running(Server(Repository(folder, budget=Budget(models=1)), store=store)) as url:
        for number in (1, 5, 1):
            assert factor(infer(url, f"m{number}", 2.0)) == 2 * {1: 1, 5: 50}[number]
        first = infer(url, "m2").json["id"]
        labels = {"labels": [{"id": first, "value": 1}]}
        assert ask(url, "/v2/models/m2/labels", labels).json == {"kept": 1, "unknown": 0}
    found = Store(tmp_path / "log.db")
    assert found.names() == ["m1", "m2", "m5"]
    found.close()


# Many clients at once


@settings(max_examples=8, deadline=None)
@given(
    asked=st.lists(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=12), min_size=2, max_size=8),
    most=st.integers(1, 3),
)
def test_clients_at_once_get_their_own_model_s_answers(folder, asked, most):
    models, wrong = Repository(folder, budget=Budget(models=most, wait=20)), []

    def client(place: int, numbers: list[int]) -> None:
        try:
            for number in numbers:
                assert factor(infer(url, f"m{number}", place + 1)) == (place + 1) * (50 if number == 5 else number)
        except BaseException as error:
            wrong.append(error)

    with running(models) as url:
        threads = [threading.Thread(target=client, args=pair) for pair in enumerate(asked)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not wrong, wrong
    assert models.fleet.most_models <= most
    assert all(holding.uses == 0 for holding in models.fleet.ready().values())


# The command


def test_the_command_takes_a_budget_and_pins(folder, capfd):
    with served(folder, most_models=3, memory="64MB", load_wait=5, pin=["m1", "m2"]) as url:
        rows = ask(url, "/v2/repository/index", {"ready": True}).json
        assert [row["name"] for row in rows] == ["m1", "m2"]
        for number in (3, 4, 1):
            assert factor(infer(url, f"m{number}")) == number
        found = metrics(url)
    assert (found["modelserving_fleet_budget", "models"], found["modelserving_fleet_budget", "bytes"]) == (3, 64e6)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--pin", "m1"], "without a budget"),
        (["--most-models", "1", "--pin", "m7"], "no model 'm7'"),
        (["--memory", "1KB", "--pin", "m1"], "the budget is 1,000 bytes"),
        (["--most-models", "1", "--load-wait", "0"], "longer than 0 seconds"),
    ],
)
def test_a_budget_that_cannot_be_ends_in_a_sentence(folder, capsys, options, says):
    assert cli.main(["serve", str(folder), *options]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "bytes"), [("64MB", 64_000_000), ("64MiB", 2**26), ("1.5 GiB", 3 * 2**29), ("10kb", 10_000), ("7", 7)]
)
def test_sizes(text, bytes):
    assert arguments.size(text) == bytes


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "0", "1TB", "much", "0.1"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(Exception, match="no amount of memory"):
        arguments.size(text)


def test_rows_stay_float32_through_the_fleet(folder):
    """A batch of many rows, so that the answer was computed in one run of the model that was loaded for it."""
    rows = np.arange(30, dtype=np.float32).reshape(10, 3)
    message = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [10, 3], "data": rows.ravel().tolist()}]}
    with running(Repository(folder, budget=Budget(models=1))) as url:
        reply = ask(url, "/v2/models/m3/infer", message)
        assert reply.json["outputs"][0]["data"] == (3 * rows).ravel().tolist()
