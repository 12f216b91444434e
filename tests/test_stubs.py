"""modelserving.stubs, and servers of stubs: in a thread, and in a process of their own."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import psutil
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from modelserving import stubs
from modelserving.interpreter import WrongShape
from modelserving.listen import first_url
from modelserving.server import Server, repository_of, running, served
from modelserving.stubs import StubModel


def ask(url: str, *values: float, name: str = "stub", timeout: int | None = None) -> tuple[int, dict, dict]:
    """Status, headers and JSON; ``timeout`` in µs."""
    tensor = {"name": "input", "datatype": "FP32", "shape": [len(values), 1], "data": list(values)}
    body = {"inputs": [tensor]} | ({"parameters": {"timeout": timeout}} if timeout is not None else {})
    request = urllib.request.Request(f"{url}/v2/models/{name}/infer", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, dict(response.headers), json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.load(error)


def dropped(url: str) -> dict[str, int]:
    """What a server counted as not computed, by reason."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as response:
        lines = [line for line in response.read().decode().splitlines() if line.startswith("modelserving_dropped")]
    return {line.split('reason="')[1].split('"')[0]: int(float(line.split()[-1])) for line in lines}


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """A clock that stands still but for who sleeps; its one element is the time."""
    now = [100.0]
    monkeypatch.setattr(stubs.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(stubs.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


class Gated(StubModel):
    """A stub that also waits for ``gate``."""

    gate: threading.Event

    def run(self, inputs, outputs=None):
        assert self.gate.wait(20)
        return super().run(inputs, outputs)


def gated(**about) -> Gated:
    stub = Gated(**about)
    stub.gate = threading.Event()
    stub.gate.set()
    return stub


def rows(n: int) -> dict[str, np.ndarray]:
    return {"input": np.arange(n, dtype=np.float32).reshape(n, 1)}


def test_it_takes_the_time_that_it_was_told_and_gives_back_what_it_got(clock):
    stub = StubModel(per_batch=2.0, per_row=0.5)
    assert np.array_equal(stub.predict(rows(4))["output"], rows(4)["input"])
    assert clock[0] == pytest.approx(100 + 2 + 4 * 0.5)
    assert (stub.runs, stub.service_time(4)) == ([4], 4.0)
    with pytest.raises(WrongShape):
        stub.predict({"input": np.zeros((1, 2), np.float32)})


def test_it_stands_still_when_it_was_told_to(clock):
    stub = StubModel(per_batch=1.0, freezes=[(10.0, 5.0)])
    for start, end in ((0.0, 1.0), (9.9, 10.9), (10.9, 16.0), (16.0, 17.0)):
        clock[0] = 100 + start
        stub.run(rows(1))
        assert clock[0] == pytest.approx(100 + end)


def test_another_like_it_can_be_made_from_json():
    stub = StubModel("slow", "3", 0.1, 0.2, 4, [(1.0, 2.0)], True)
    other = StubModel(**json.loads(stub.to_json()))
    assert other.to_json() == stub.to_json()
    assert other.signature == stub.signature
    with pytest.raises(ValueError, match="less than 0"):
        StubModel(per_row=-1)


def test_stubs_are_served_and_loaded_anew_like_models():
    with running([StubModel("a"), StubModel("a", "2"), StubModel("b")]) as url:
        assert ask(url, 1, 2, name="a")[2]["model_version"] == "2"
        assert ask(url, 1, 2, name="a")[2]["outputs"][0]["data"] == [1, 2]
        for what, status in (("unload", 503), ("load", 200)):
            urllib.request.urlopen(f"{url}/v2/repository/models/b/{what}", b"", timeout=20).close()
            assert ask(url, 1, name="b")[0] == status
        index = json.load(urllib.request.urlopen(f"{url}/v2/repository/index", b"", timeout=20))
        assert [(row["name"], row["version"]) for row in index] == [("a", "1"), ("a", "2"), ("b", "1")]


# Served by a process of its own


def test_a_served_model_lives_in_a_process_of_its_own_that_ends_with_the_block():
    before = set(psutil.Process().children())
    with served(StubModel(per_batch=0.001), deadline=5, batch_rows=8, threaded=True, inline=False) as url:
        (child,) = set(psutil.Process().children()) - before
        assert {"--deadline", "--batch-rows", "--threaded"} <= set(child.cmdline())
        assert "--inline" not in child.cmdline()
        assert ask(url, 1, 2)[2]["outputs"][0]["data"] == [1, 2]
    assert not child.is_running()


def test_a_served_model_finishes_what_it_accepted():
    got = []
    with served(StubModel(per_batch=0.3)) as url:
        asking = threading.Thread(target=lambda: got.append(ask(url, 7)))
        asking.start()
        while 'status="200"' not in (said := urllib.request.urlopen(f"{url}/metrics", timeout=20).read().decode()):
            if "modelserving_queue_rows" in said:
                break
        time.sleep(0.1)  # it is being computed
    asking.join()
    assert got[0][0] == 200


def test_it_ends_when_whoever_started_it_is_killed():
    code = (
        "import os; from modelserving.server import served; from modelserving.stubs import StubModel\n"
        "with served(StubModel()) as url: print(url, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    address = done.stdout.strip().removeprefix("http://").split(":")
    for _ in range(200):
        with contextlib.closing(socket.socket()) as it:
            if it.connect_ex((address[0], int(address[1]))):
                return
        time.sleep(0.05)
    pytest.fail("it still listens")


def test_what_cannot_be_served_is_told():
    with pytest.raises(RuntimeError, match="There is no folder"), served("no/such/folder"):
        pass
    with pytest.raises(RuntimeError, match="unrecognized arguments: --nonsense"), served(StubModel(), nonsense=1):
        pass
    assert first_url(iter(["a", "Serving x at http://127.0.0.1:1/v2, ready\n"])) == "http://127.0.0.1:1"


# Deadlines and clients that leave, over HTTP


def test_a_request_that_would_be_late_is_refused_and_told_when_to_come_back():
    stub = gated(per_batch=0.2)
    with running(stub, batch_rows=1) as url:
        assert ask(url, 1)[0] == 200
        stub.gate.clear()
        together = [threading.Thread(target=ask, args=(url, i)) for i in range(8)]
        for thread in together:
            thread.start()
        while 'queue_rows{model="stub",version="1"} 7' not in metrics(url):
            pass
        status, headers, answer = ask(url, 9, timeout=100_000)
        assert status == 503
        assert 1 <= int(headers["retry-after"]) <= 3
        assert "later than in the 0.1 s that are left" in answer["error"]
        client = triton.InferenceServerClient(url.removeprefix("http://"))
        tensor = triton.InferInput("input", [1, 1], "FP32")
        tensor.set_data_from_numpy(np.ones((1, 1), np.float32))
        with pytest.raises(InferenceServerException, match=r"later than in the 0\.05 s"):
            client.infer("stub", [tensor], timeout=50_000)
        stub.gate.set()
        for thread in together:
            thread.join()
        assert dropped(url) == {"late": 2}
        assert len(stub.runs) == 9
        assert client.infer("stub", [tensor], timeout=10_000_000).as_numpy("output") == [[1]]
        client.close()


def metrics(url: str) -> str:
    return urllib.request.urlopen(f"{url}/metrics", timeout=20).read().decode()


def test_a_timeout_is_a_whole_number_of_microseconds():
    with running(StubModel()) as url:
        for wrong in (-1, 0.5, "1"):
            assert ask(url, 1, timeout=wrong)[0] == 400
        assert ask(url, 1, timeout=0)[0] == 200  # none, as Triton has it


def test_the_requests_of_clients_that_leave_are_not_computed():
    stub = gated()
    stub.gate.clear()
    body = b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 1], "data": [1]}]}'
    request = b"POST /v2/models/stub/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with running(stub, batch_rows=1) as url:
        host, port = url.removeprefix("http://").split(":")
        clients = [socket.create_connection((host, int(port))) for _ in range(5)]
        for client in clients:
            client.sendall(request)
        while 'queue_rows{model="stub",version="1"} 4' not in metrics(url):
            pass
        clients[1].shutdown(socket.SHUT_WR)  # sends no more, and waits
        for client in clients[2:]:
            client.close()
        while dropped(url).get("cancelled", 0) < 3:
            pass
        stub.gate.set()
        computed = [client for client in clients[:2] if b" 200 " in first_line(client)]
        assert dropped(url) == {"cancelled": 3}
        assert (len(computed), len(stub.runs)) == (2, 2)


def first_line(client: socket.socket) -> bytes:
    """Of the last answer: those before it say only that there will be one."""
    with client.makefile("rb") as stream:
        while b" 100 " in (line := stream.readline()):
            stream.readline()
        return line


def test_health_answers_while_a_slow_model_runs():
    """Two slow models and one core's worth of slots: neither blocks the loop."""
    with running([StubModel("a", per_batch=0.5), StubModel("b", per_batch=0.5)], slots=1) as url:
        asking = [threading.Thread(target=ask, args=(url, 1), kwargs={"name": name}) for name in "aab"]
        for thread in asking:
            thread.start()
        alive = 0
        while any(thread.is_alive() for thread in asking):
            alive += urllib.request.urlopen(f"{url}/v2/health/ready", timeout=20).status == 200
        assert alive > 10


def test_a_repository_of_stubs_and_a_server_of_it():
    repository = repository_of([StubModel("a")])
    assert repository_of(repository) is repository
    with running(Server(repository)) as url:
        assert ask(url, 1, name="a")[0] == 200
