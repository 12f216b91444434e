"""Several processes behind Ray Serve: one address, the same answers, and nothing of it left afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import onnx_models
import psutil
import pytest
import wire
import yaml
from onnx import TensorProto, helper
from tritonclient.http import InferenceServerClient, InferenceServerException, InferInput, InferRequestedOutput

from modelserving import cli, scale, scale_command
from modelserving.repository import Repository
from modelserving.server import Server, running

ROOT = Path(__file__).parents[1]
KSERVE = ROOT / "deploy" / "kserve"
RECORDING = ROOT / "modelserving" / "data" / "recordings" / "scale.json"
NO_RAY = "Ray Serve is not installed: it comes with the extra `scale`"
ROW = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}'
ONE_PROCESS = [
    ("GET", "/metrics"),
    ("POST", "/v2/repository/models/times/load"),
    ("POST", "/v2/repository/models/times/unload"),
]


def put_models(folder: Path) -> Path:
    onnx_models.put(folder, "times", 1, onnx_models.times(1))
    onnx_models.put(folder, "times", 2, onnx_models.times(2))
    onnx_models.put(folder, "broken", 1, b"no model")
    return folder


def slow(turns: int = 300_000) -> bytes:
    """x, FP32 (n, 3) → y, the same, after so many turns of a loop, which take a good part of a second."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Neg", ["before"], ["after"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    loop = helper.make_node("Loop", ["turns", "", "x"], ["y"], body=body)
    tensors = {"x": ("FP32", ["n", 3])}, {"y": ("FP32", ["n", 3])}
    return onnx_models.model([loop], *tensors, turns=np.int64(2 * (turns // 2)))


# --- one replica


def ask(replica: scale.Replica, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request to the application."""
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": body}

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(replica({"type": "http", "method": method, "path": path, "headers": []}, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


def test_a_replica_is_a_server_whose_models_are_loaded_at_once_and_that_signs_its_answers(tmp_path):
    replicas = [scale.Replica(put_models(tmp_path)) for _ in range(2)]
    for replica in replicas:
        status, headers, body = ask(replica, "POST", "/v2/models/times/infer", ROW)
        assert (status, json.loads(body)["outputs"][0]["data"]) == (200, [2.0, 4.0, 6.0])
        assert headers["x-replica"] == replica.name
        assert "broken/1/model.onnx" in replica.server.failed["broken"]
    assert replicas[0].name != replicas[1].name


@pytest.mark.parametrize(("method", "path"), ONE_PROCESS)
def test_what_is_about_one_process_is_refused(tmp_path, method, path):
    replica = scale.Replica(put_models(tmp_path))
    status, headers, body = ask(replica, method, path)
    assert (status, headers["content-length"]) == (400, str(len(body)))
    assert "one process" in json.loads(body)["error"]
    assert ask(replica, "POST", "/v2/models/times/infer", ROW)[0] == 200


def test_its_options_are_those_of_a_server(tmp_path):
    replica = scale.Replica(put_models(tmp_path), batch_rows=7, deadline=0.5)
    assert (replica.server.batching["batch_rows"], replica.server.batching["deadline"]) == (7, 0.5)


# --- mistakes, told before Ray is started


@pytest.fixture
def signals() -> Iterator[None]:
    """Puts back what the command does with signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def without_start(monkeypatch, signals):
    """Fails when something tries to import Ray; it need not be installed."""
    monkeypatch.setattr(scale, "available", lambda: True)
    monkeypatch.setitem(sys.modules, "ray", None)


def test_without_ray_one_is_told_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scale, "available", lambda: False)
    assert cli.main(["scale", str(put_models(tmp_path))]) == 2
    said = capsys.readouterr().err
    assert "Ray Serve is not installed" in said
    assert "ray[serve]" in said
    with pytest.raises(scale.NoRay, match=r"ray\[serve\]"), scale.running(tmp_path):
        pass
    with pytest.raises(scale.NoRay):
        scale.deployment(tmp_path)


def test_a_folder_without_models_is_told_at_once(tmp_path, without_start, capsys):
    assert cli.main(["scale", str(tmp_path)]) == 2
    assert "There is no model in" in capsys.readouterr().err
    assert cli.main(["scale", str(tmp_path / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_a_taken_port_is_told_at_once(tmp_path, without_start, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert cli.main(["scale", str(put_models(tmp_path)), "--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
    assert cli.main(["scale", str(tmp_path), "--port", "70000"]) == 2
    assert "65535" in capsys.readouterr().err


# --- what is left: nothing


def test_whoever_was_started_for_a_folder_ends_with_it_and_nobody_else():
    grandchild = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)"
    with subprocess.Popen(["sleep", "60"]) as other:
        with scale.workplace() as folder:
            environment = os.environ | scale.settings(folder)
            subprocess.run([sys.executable, "-c", grandchild], env=environment, check=True)  # it outlives its parent
            subprocess.Popen(["sleep", "60"], env=environment)
            (folder / "session").mkdir()
            left, began = [], time.monotonic()
            while len(left) < 2 and time.monotonic() < began + 10:  # Popen returns before Linux shows an environment
                left = list(scale.family(folder))
        survived, ended = still_here(left), other.poll() is not None
        other.kill()
    assert len(left) == 2
    assert (survived, ended, folder.exists()) == ([], False, False)


def still_here(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those of them that run."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_the_folder_stays_short_however_long_the_temporary_folder_is(tmp_path, monkeypatch):
    monkeypatch.setattr(scale.tempfile, "tempdir", str(tmp_path / ("long" * 20)))
    with scale.workplace() as folder:
        assert len(str(folder)) < scale.LONGEST


def test_on_a_leash_it_waits_until_its_standard_input_ends():
    waits = "from modelserving import scale_command; scale_command.wait(True); print('over')"
    with subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.communicate(timeout=60)[0] == b"over\n"


# --- with Ray: started once


@pytest.fixture(scope="module")
def started(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of two replicas, and the folder of Ray's files. Afterwards nothing of them may be left."""
    if not scale.available():
        pytest.skip(NO_RAY)
    home = tmp_path_factory.mktemp("home")
    places: list[Path] = []
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("HOME", str(home))
        patch.setattr(scale, "settings", lambda folder, real=scale.settings: places.append(folder) or real(folder))
        models = put_models(tmp_path_factory.mktemp("models"))
        onnx_models.put(models, "slow", 1, slow())
        try:
            url = stack.enter_context(scale.running(models, replicas=2))
        except RuntimeError as error:  # its parts give each other 15 s, and that cannot be changed
            if "Ray did not start" in str(error) and "timed out" in str(error):
                pytest.skip("Ray's parts did not start in the 15 s that it gives them: too much else is going on here")
            raise
        left = list(scale.family(places[0]))
        yield url, places[0]
        with ThreadPoolExecutor() as clients:
            began = time.perf_counter()
            wire.ask(url, "/v2/models/slow/infer", ROW)
            last = [clients.submit(wire.ask, url, "/v2/models/slow/infer", ROW) for _ in range(2)]
            time.sleep((time.perf_counter() - began) / 2)  # now they are under way
            stack.close()
    assert [answer.result().status for answer in last] == [200, 200]
    assert len(left) > 6  # the command, Ray's own with their agents, a proxy, two replicas
    assert still_here(left) == []
    assert not places[0].exists()
    assert sorted(path.name for path in home.iterdir()) == []


@pytest.fixture
def scaled(started) -> str:
    """The address of two replicas."""
    return started[0]


def infer(url: str, x: np.ndarray, version: str = "", binary: bool = True) -> np.ndarray:
    """``y`` for ``x``, asked for by a client that others wrote."""
    tensor = InferInput("x", list(x.shape), "FP32").set_data_from_numpy(x, binary_data=binary)
    outputs = [InferRequestedOutput("y", binary_data=binary)]
    with InferenceServerClient(urlsplit(url).netloc) as client:
        return client.infer("times", [tensor], version, outputs).as_numpy("y")


@pytest.mark.slow
@pytest.mark.parametrize("binary", [True, False])
def test_two_replicas_answer_like_one_server(scaled, binary):
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(infer(scaled, x, binary=binary), 2 * x, rtol=1e-6)
    np.testing.assert_allclose(infer(scaled, x, "1", binary), x, rtol=1e-6)


@pytest.mark.slow
def test_a_large_request_comes_through_whole(scaled):
    x = np.random.default_rng(1).normal(size=(500_000, 3)).astype(np.float32)  # 6 MB
    np.testing.assert_array_equal(infer(scaled, x), 2 * x)


@pytest.mark.slow
def test_a_mistake_gets_the_servers_own_sentence(scaled):
    with pytest.raises(InferenceServerException, match="400") as caught:
        infer(scaled, np.zeros((1, 4), np.float32))
    assert "shape" in str(caught.value)
    assert wire.ask(scaled, "/v2/models/nobody").status == 404


@pytest.mark.slow
def test_each_replica_has_its_share_and_models_of_its_own(scaled):
    def signature(_: int) -> str:
        return wire.ask(scaled, "/v2/models/times/infer", ROW).headers["x-replica"]

    with ThreadPoolExecutor(8) as clients:
        seen = list(clients.map(signature, range(400)))
    assert len(set(seen)) == 2
    assert min(map(seen.count, set(seen))) > 20
    for method, path in ONE_PROCESS:
        assert wire.ask(scaled, path, method=method).status == 400
    assert wire.ask(scaled, "/v2/models/times/infer", ROW).status == 200


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_keeps_none_from_being_served(scaled):
    index = wire.ask(scaled, "/v2/repository/index", b"").json
    states = {(model["name"], model["version"]): model["state"] for model in index}
    assert states.pop(("slow", "1")) == "READY"
    assert states == {("times", "1"): "READY", ("times", "2"): "READY", ("broken", "1"): "UNAVAILABLE"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one may not look at other processes' sockets")
def test_nothing_listens_to_other_machines(started):
    family = scale.family(started[1])
    sockets = [(process.name(), one) for process in family for one in process.net_connections("inet")]
    listening = {(name, one.laddr.ip) for name, one in sockets if one.status == psutil.CONN_LISTEN}
    assert listening
    assert {(name, ip) for name, ip in listening if not ip_address(ip.removeprefix("::ffff:")).is_loopback} == set()


# --- what lesson 08 reads


def test_the_recording_is_complete_and_says_where_it_came_from():
    found = json.loads(RECORDING.read_text())
    assert (ROOT / found["script"]).is_file()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", found["date"])
    assert {"cores", "processor", "memory_gb", "system", "python"} <= found["machine"].keys()
    assert {"ray", "onnxruntime", "wrk"} <= found["versions"].keys()
    assert not re.search(r"/(root|home|tmp|work|Users)/|https?:", json.dumps(found))
    rows = {(one["server"], one["case"], one["connections"]): one for one in found["measured"]}
    assert set(rows) == set(product(found["servers"], found["cases"], (1, 8)))
    assert all(one["requests_s"] > 0 and one["failures"] == 0 for one in rows.values())


def test_in_the_recording_ray_loses_on_a_small_model_and_costs_memory():
    found = json.loads(RECORDING.read_text())
    rows = {(one["server"], one["case"], one["connections"]): one for one in found["measured"]}
    small, two, one = next(iter(found["cases"])), "Ray Serve, two replicas", "one process"
    assert rows[two, small, 8]["requests_s"] < rows[one, small, 8]["requests_s"] / 3
    assert rows[two, small, 8]["cpu_us"] > 10 * rows[one, small, 8]["cpu_us"]
    assert found["servers"][two]["pss_mb"] > 2 * found["servers"][one]["pss_mb"]


# --- the manifest: what must agree does


def manifests(name: str) -> dict[str, dict]:
    """The documents of a file by their kind."""
    return {document["kind"]: document for document in yaml.safe_load_all((KSERVE / name).read_text())}


def test_the_service_takes_its_models_from_the_claim_that_is_made_for_them():
    made = manifests("inferenceservice.yaml")
    model = made["InferenceService"]["spec"]["predictor"]["model"]
    assert model["storageUri"].startswith(f"pvc://{made['PersistentVolumeClaim']['metadata']['name']}/")
    assert model["protocolVersion"] == "v2"
    assert made["InferenceService"]["spec"]["predictor"]["minReplicas"] == 2


def test_the_runtime_starts_the_command_as_it_is_and_asks_paths_that_the_server_has(tmp_path):
    runtime = manifests("runtime.yaml")["ServingRuntime"]
    container = runtime["spec"]["containers"][0]
    assert container["name"] == "kserve-container"  # by which KServe finds it
    assert container["command"] == ["modelserving"]
    parsed = cli.parser().parse_args(container["args"])
    assert (parsed.run, parsed.models, parsed.host) == (cli.serve_folder, "/mnt/models", "0.0.0.0")
    assert parsed.port == container["ports"][0]["containerPort"]
    with running(Server(Repository(put_models(tmp_path)))) as url:
        for probe in ("readinessProbe", "livenessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["port"] == parsed.port
            assert wire.ask(url, asked["path"]).status == 200


def test_the_explanation_names_every_part_and_the_runtime():
    said = (KSERVE / "README.md").read_text()
    made = manifests("inferenceservice.yaml")["InferenceService"]
    for part in [*made["spec"]["predictor"], *made["spec"]["predictor"]["model"]]:
        assert f"`{part}" in said or part == "model", part
    runtime = manifests("runtime.yaml")["ServingRuntime"]
    assert f"runtime: {runtime['metadata']['name']}" in said
    assert f"name: {runtime['spec']['supportedModelFormats'][0]['name']}" in said
    assert "Nothing here was run" in said


def test_help_names_the_options(capsys):
    with pytest.raises(SystemExit):
        cli.main(["scale", "--help"])
    said = capsys.readouterr().out
    assert "--replicas" in said
    assert "--leashed" not in said
    assert scale_command.__doc__
