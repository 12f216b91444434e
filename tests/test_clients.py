"""The server as clients that others wrote see it: NVIDIA's tritonclient, KServe's SDK, and what they rely on."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_models
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype
from wire import MEDIA, ask, binary, chunks, exchange, head, tensor, write_models

from modelserving import __version__
from modelserving.interpreter import DATATYPES
from modelserving.server import running

ROOT = Path(__file__).parents[1]
ROWS = np.array([[1.5, -2.0, 0.25], [0.0, 1e-3, 7.0]], np.float32)
VALUES = {
    "BOOL": np.array([[True, False], [False, True]]),
    "FP16": np.array([[0.5, -65504.0], [6e-8, 1.0]], np.float16),
    "FP32": np.array([[0.1, -3.4e38], [np.pi, 0.0]], np.float32),
    "FP64": np.array([[0.1, -1.7e308], [np.pi, 5e-324]], np.float64),
    "BYTES": np.array([["", "é"], ["two\nlines\0", "𝄞 clef"]], object),
    **{
        name: np.array([[np.iinfo(dtype).min, np.iinfo(dtype).max], [0, 1]], dtype)
        for name, dtype in DATATYPES.items()
        if "INT" in name
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def url(folder) -> Iterator[str]:
    with running(folder) as address:
        yield address


@pytest.fixture
def client(url) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(url.removeprefix("http://"), network_timeout=60) as made:
        yield made


@pytest.fixture
def own(tmp_path) -> Iterator[tuple[str, Path]]:
    """A server and its folder, to be changed."""
    models = write_models(tmp_path / "models")
    with running(models) as address:
        yield address, models


def given(array: np.ndarray, name: str = "x", binary_data: bool = True) -> triton.InferInput:
    """An input for tritonclient."""
    made = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    made.set_data_from_numpy(array, binary_data=binary_data)
    return made


def wanted(name: str, binary_data: bool = True) -> triton.InferRequestedOutput:
    return triton.InferRequestedOutput(name, binary_data=binary_data)


def as_sent(array: np.ndarray) -> np.ndarray:
    """What tritonclient gives back for ``array``: BYTES as bytes."""
    return np.vectorize(str.encode, otypes=[object])(array) if array.dtype == object else array


# tritonclient


def test_triton_asks_for_health_and_metadata(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    about = client.get_server_metadata()
    assert about["name"] == "modelserving"
    assert about["version"] == __version__
    assert {"binary_tensor_data", "model_repository"} <= set(about["extensions"])
    model = client.get_model_metadata("times")
    assert model["name"] == "times"
    assert sorted(model["versions"]) == ["1", "2"]
    assert model["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert model["outputs"] == [
        {"name": "y", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "total", "datatype": "FP32", "shape": [-1]},
    ]
    assert client.is_model_ready("times")
    assert client.is_model_ready("times", "1")
    assert not client.is_model_ready("times", "3")
    assert not client.is_model_ready("nothing")


@pytest.mark.parametrize("ways", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@pytest.mark.parametrize("datatype", list(DATATYPES))
def test_triton_sends_and_receives_every_data_type_in_json_and_binary(client, datatype, ways):
    into, out_of = ways
    array = VALUES[datatype]
    if datatype == "FP16" and not into:  # the client itself has no FP16 in JSON
        sent = triton.InferInput("x", [2, 2], "FP16")
        sent._data = array.ravel().tolist()
    else:
        sent = given(array, binary_data=into)
    answer = client.infer(f"echo_{datatype}", [sent], outputs=[wanted("y", binary_data=out_of)])
    described = answer.get_output("y")
    assert described["datatype"] == datatype
    assert described["shape"] == [2, 2]
    assert ("data" in described) == (not out_of)
    got = described["data"] if not out_of else answer.as_numpy("y")
    if out_of:
        np.testing.assert_array_equal(got, as_sent(array))
        assert datatype == "BYTES" or got.dtype == array.dtype
    else:
        np.testing.assert_array_equal(np.array(got, DATATYPES[datatype]).reshape(2, 2), array)


def test_triton_asks_for_some_outputs_in_an_order_and_mixes_their_forms(client):
    answer = client.infer("times", [given(ROWS)], outputs=[wanted("total", binary_data=False), wanted("y")])
    assert [output["name"] for output in answer.get_response()["outputs"]] == ["total", "y"]
    np.testing.assert_allclose(answer.as_numpy("y"), 3 * ROWS, rtol=1e-6)
    np.testing.assert_allclose(answer.as_numpy("total"), 3 * ROWS.sum(axis=1), rtol=1e-5)
    one = client.infer("times", [given(ROWS)], outputs=[wanted("total")])
    assert one.as_numpy("y") is None


def test_triton_asks_for_no_output_in_particular_and_gets_all_as_binary(client):
    answer = client.infer("times", [given(ROWS, binary_data=False)])
    assert [output["name"] for output in answer.get_response()["outputs"]] == ["y", "total"]
    assert all("data" not in output for output in answer.get_response()["outputs"])
    np.testing.assert_allclose(answer.as_numpy("y"), 3 * ROWS, rtol=1e-6)


def test_triton_mixes_inputs_in_json_and_binary(client):
    a, b = np.ones((2, 2), np.float32), np.arange(4, dtype=np.float32).reshape(2, 2)
    for forms in ((True, False), (False, True)):
        inputs = [given(a, "a", forms[0]), given(b, "b", forms[1])]
        np.testing.assert_array_equal(client.infer("add", inputs).as_numpy("sum"), a + b)


def test_triton_names_a_version_and_a_request(client):
    first = client.infer("times", [given(ROWS)], model_version="1", request_id="flight 17/é")
    assert first.get_response()["id"] == "flight 17/é"
    assert first.get_response()["model_version"] == "1"
    np.testing.assert_allclose(first.as_numpy("y"), 2 * ROWS, rtol=1e-6)
    latest = client.infer("times", [given(ROWS)])
    assert latest.get_response()["model_version"] == "2"
    assert "id" not in latest.get_response()


def test_triton_sends_parameters_that_mean_nothing_here(client):
    minute = 60_000_000  # µs
    answer = client.infer("times", [given(ROWS)], priority=3, timeout=minute, sequence_id=7, parameters={"who": "test"})
    assert answer.as_numpy("total").shape == (2,)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_triton_compresses_what_it_sends_and_takes_what_it_gets(client, algorithm):
    answer = client.infer(
        "times", [given(ROWS)], request_compression_algorithm=algorithm, response_compression_algorithm=algorithm
    )
    np.testing.assert_allclose(answer.as_numpy("y"), 3 * ROWS, rtol=1e-6)


def test_triton_sends_no_rows_and_many(client):
    nothing = client.infer("times", [given(np.empty((0, 3), np.float32))])
    assert nothing.get_response()["outputs"][0]["shape"] == [0, 3]
    many = np.random.default_rng(0).normal(size=(100_000, 3)).astype(np.float32)
    np.testing.assert_allclose(client.infer("times", [given(many)]).as_numpy("y"), 3 * many, rtol=1e-6)


def test_triton_asks_many_things_at_once(url):
    with triton.InferenceServerClient(url.removeprefix("http://"), concurrency=8) as client:
        rows = [np.full((n % 3 + 1, 3), n, np.float32) for n in range(100)]
        waiting = [client.async_infer("times", [given(array)], request_id=str(n)) for n, array in enumerate(rows)]
        for n, asked in enumerate(waiting):
            answer = asked.get_result()
            assert answer.get_response()["id"] == str(n)
            np.testing.assert_array_equal(answer.as_numpy("y"), 3 * rows[n])


@pytest.mark.parametrize(
    ("model", "inputs", "outputs", "version", "status", "says"),
    [
        ("nothing", [given(ROWS)], None, "", "404", "nothing"),
        ("times", [given(ROWS)], None, "9", "404", "no version '9'"),
        ("times", [given(ROWS, "z")], None, "", "400", "no input 'z'"),
        ("times", [given(ROWS)], [wanted("z")], "", "400", "no output 'z'"),
        ("times", [given(ROWS.astype(np.float64))], None, "", "400", "FP64 came"),
        ("times", [given(ROWS[:, :2].copy())], None, "", "400", "[2, 2] came"),
        ("add", [given(ROWS[:, :2].copy(), "a")], None, "", "400", "'b'"),
        ("add", [given(np.ones((n, 2), np.float32), name) for n, name in ((2, "a"), (3, "b"))], None, "", "400", ""),
        ("look_up", [given(np.array([7]), "place")], None, "", "400", "could not run"),
        ("times", [given(ROWS)], [triton.InferRequestedOutput("y", class_count=2)], "", "400", "classification"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_triton_reads_every_error(client, model, inputs, outputs, version, status, says):
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, inputs, model_version=version, outputs=outputs)
    assert caught.value.status() == status
    assert says in caught.value.message()
    assert "exception occurred in the client" not in caught.value.message()


def test_triton_reads_errors_of_metadata(client):
    for call in (
        lambda: client.get_model_metadata("nothing"),
        lambda: client.get_model_metadata("times", "9"),
        lambda: client.load_model("nothing"),
        lambda: client.unload_model("nothing"),
    ):
        with pytest.raises(InferenceServerException) as caught:
            call()
        assert caught.value.status() == "404"
        assert "'" in caught.value.message()


def test_triton_is_told_that_shared_memory_and_configuration_are_not_here(client):
    shared = triton.InferInput("x", [2, 3], "FP32")
    shared.set_shared_memory("region", 24)
    with pytest.raises(InferenceServerException) as caught:
        client.infer("times", [shared])
    assert caught.value.status() == "400"
    with pytest.raises(InferenceServerException) as caught:
        client.get_model_config("times")
    assert caught.value.status() == "404"


def test_triton_changes_the_repository(own):
    url, folder = own
    with triton.InferenceServerClient(url.removeprefix("http://"), network_timeout=60) as client:
        states = {(row["name"], row["version"]): row["state"] for row in client.get_model_repository_index()}
        assert states["times", "1"] == states["times", "2"] == states["echo_BOOL", "1"] == "READY"
        client.unload_model("times")
        assert not client.is_model_ready("times")
        assert client.is_server_ready(), "one model that was unloaded on purpose does not make a server unready"
        states = {(row["name"], row["version"]): row["state"] for row in client.get_model_repository_index()}
        assert states["times", "2"] == "UNAVAILABLE"
        with pytest.raises(InferenceServerException) as caught:
            client.infer("times", [given(ROWS)])
        assert "unloaded" in caught.value.message()

        onnx_models.put(folder, "times", 10, onnx_models.times(5.0))
        onnx_models.put(folder, "new model", 1, onnx_models.times(7.0))
        client.load_model("times")
        client.load_model("new model")
        np.testing.assert_array_equal(client.infer("times", [given(ROWS)]).as_numpy("y"), 5 * ROWS)
        np.testing.assert_array_equal(client.infer("new model", [given(ROWS)]).as_numpy("y"), 7 * ROWS)
        assert client.get_model_metadata("times")["versions"] == ["1", "2", "10"]

        onnx_models.put(folder, "broken", 1, b"no model")
        with pytest.raises(InferenceServerException) as caught:
            client.load_model("broken")
        assert caught.value.status() == "400"
        assert "broken" in caught.value.message()
        assert str(folder) not in caught.value.message()
        assert client.is_server_ready()


def test_triton_aio(url):
    async def talk() -> None:
        async with triton_aio.InferenceServerClient(url.removeprefix("http://")) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("times")
            assert (await client.get_model_metadata("times"))["name"] == "times"
            assert any(row["name"] == "times" for row in await client.get_model_repository_index())

            async def infer(n: int) -> None:
                form = bool(n % 2)
                rows = np.full((2, 3), n, np.float32)
                outputs = [wanted("y", binary_data=not form)]
                answer = await client.infer(
                    "times", [given(rows, binary_data=form)], outputs=outputs, request_id=f"r{n}"
                )
                assert answer.get_response()["id"] == f"r{n}"
                np.testing.assert_array_equal(answer.as_numpy("y"), 3 * rows)

            await asyncio.gather(*(infer(n) for n in range(50)))
            text = await client.infer("echo_BYTES", [given(VALUES["BYTES"])])
            assert text.as_numpy("y")[1, 1].decode() == "𝄞 clef"
            with pytest.raises(InferenceServerException) as caught:
                await client.infer("nothing", [given(ROWS)])
            assert "nothing" in caught.value.message()

    asyncio.run(talk())


# KServe's SDK, in an environment of its own, since it brings a hundred packages


@pytest.fixture(scope="module")
def kserve_python() -> Path:
    script = ROOT / "benchmarks" / "serving.py"
    done = subprocess.run(
        [sys.executable, script, "--install", "--servers", "KServe"], capture_output=True, text=True, cwd=ROOT
    )
    if done.returncode:
        pytest.skip(f"KServe's SDK could not be installed: {done.stderr.strip()[-300:]}")
    return Path(done.stdout.strip().splitlines()[-1]) / "python"


@pytest.mark.slow
def test_kserve_s_client(url, kserve_python):
    script = Path(__file__).with_name("kserve_client.py")
    done = subprocess.run([kserve_python, script, url], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["live"] is found["ready"] is found["model_ready"] is True
    assert found["unknown_ready"] is False
    for form in ("json", "binary", "binary both ways"):
        answer = found[form]
        np.testing.assert_allclose(answer["y"], 3 * ROWS, rtol=1e-6)
        assert answer["id"] == form
        assert answer["model"] == "times"
    assert found["binary both ways"]["raw"] is True
    assert found["json"]["raw"] is False
    for name in ("FP16", "BOOL", "INT64"):
        np.testing.assert_array_equal(found[name], VALUES[name].tolist())
    assert found["BYTES"] == VALUES["BYTES"].tolist()
    assert found["unknown"][0] == 404
    assert "nothing" in found["unknown"][1]
    assert found["wrong"][0] == 400
    assert "no input 'z'" in found["wrong"][1]


# What clients were seen to rely on: DESIGN's "Protocol, learned from clients"

INFER = "/v2/models/times/infer"
QUESTION = {"inputs": [tensor("x", "FP32", ROWS.tolist())]}


def test_a_missing_content_type_is_accepted_and_so_is_any_other(url):
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": MEDIA["json"] + "; charset=utf-8"}):
        assert ask(url, INFER, QUESTION, headers).status == 200


def test_the_index_answers_an_empty_post(url):
    everything = ask(url, "/v2/repository/index", b"")
    assert everything.status == 200
    assert ask(url, "/v2/repository/index", None, method="POST").json == everything.json
    assert ask(url, "/v2/repository/index", {}).json == everything.json
    assert ask(url, "/v2/repository/index", {"ready": True}).json == everything.json


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("GZip", gzip.compress),
        ("identity", bytes),
    ],
)
def test_compressed_bodies_are_read(url, encoding, compress):
    body = compress(json.dumps(QUESTION).encode())
    answer = ask(url, INFER, body, {"Content-Encoding": encoding})
    assert answer.status == 200
    assert answer.json == ask(url, INFER, QUESTION).json


def test_a_compressed_binary_body_counts_its_header_before_compression(url):
    message = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 3], "parameters": {"binary_data_size": 24}}]}
    body, headers = binary(message, ROWS.tobytes())
    answer = ask(url, INFER, gzip.compress(body), headers | {"Content-Encoding": "gzip"})
    assert answer.status == 200
    assert answer.json == ask(url, INFER, QUESTION).json


def test_data_may_be_flat_or_nested(url):
    flat = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 3], "data": ROWS.ravel().tolist()}]}
    assert ask(url, INFER, flat).json == ask(url, INFER, QUESTION).json


@pytest.mark.parametrize("asked", [{}, {"parameters": {"binary_data_output": False}}, {"outputs": [{"name": "y"}]}])
def test_an_answer_in_json_has_no_header_length(url, asked):
    answer = ask(url, INFER, QUESTION | asked)
    assert "inference-header-content-length" not in answer.headers
    assert answer.headers["content-type"] == MEDIA["json"]
    assert all("data" in output for output in answer.json["outputs"])


@pytest.mark.parametrize(
    ("asked", "forms"),
    [
        ({"parameters": {"binary_data_output": True}}, {"y": True, "total": True}),
        ({"outputs": [{"name": "y", "parameters": {"binary_data": True}}, {"name": "total"}]}, {"y": True}),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "y"}, {"name": "total", "parameters": {"binary_data": False}}],
            },
            {"y": True},
        ),
    ],
)
def test_binary_data_and_binary_data_output_are_honoured(url, asked, forms):
    answer = ask(url, INFER, QUESTION | asked)
    assert answer.headers["content-type"] == MEDIA["binary"]
    end = int(answer.headers["inference-header-content-length"])
    raw = answer.body[end:]
    for output in json.loads(answer.body[:end])["outputs"]:
        if not forms.get(output["name"]):
            assert "data" in output
            continue
        size = output["parameters"]["binary_data_size"]
        got, raw = np.frombuffer(raw[:size], np.float32).reshape(output["shape"]), raw[size:]
        expected = 3 * ROWS if output["name"] == "y" else 3 * ROWS.sum(axis=1)
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert not raw


def test_every_error_is_the_error_object(url):
    """FastAPI's {"detail"} breaks clients; here what is no HTTP at all has the same form."""
    assert ask(url, "/v2/models/nothing").error
    assert ask(url, "/nowhere").error
    assert ask(url, INFER).error  # the wrong method
    assert exchange(url, b"no HTTP at all\r\n\r\n")[0].error


@pytest.mark.parametrize("body", [b"", b"{", b"[1", b"nonsense", b"\xff\xfe{}", b"null", b"[]", b'"x"', b"{}"])
def test_malformed_json_is_400_and_not_500(url, body):
    assert ask(url, INFER, body).status == 400


@pytest.mark.parametrize(
    "shape", [[2**62, 2**62], [-1, 3], [2**63, 3], [10**30, 1], [0, 2**40], [1] * 100, [2, 3.0], ["2", 3], 6, None]
)
def test_one_absurd_shape_does_not_end_the_server(url, shape):
    sent = {"inputs": [{"name": "x", "datatype": "FP32", "shape": shape, "data": [1.0] * 6}]}
    assert ask(url, INFER, sent).status == 400
    raw = {"inputs": [{"name": "x", "datatype": "FP32", "shape": shape, "parameters": {"binary_data_size": 24}}]}
    body, headers = binary(raw, ROWS.tobytes())
    assert ask(url, INFER, body, headers).status == 400
    assert ask(url, "/v2/health/ready").status == 200


def test_chunked_bodies_are_read(url):
    body = json.dumps(QUESTION).encode()
    sent = head("POST", INFER, {"Transfer-Encoding": "chunked"}) + b"".join(chunks(body, 7))
    assert exchange(url, sent)[0].json == ask(url, INFER, QUESTION).json


def test_requests_in_one_go_are_answered_in_order(url):
    sent = b""
    for n in range(20):
        body = json.dumps(QUESTION | {"id": str(n)}).encode()
        sent += head("POST", INFER, {"Content-Length": str(len(body))}) + body
    assert [reply.json["id"] for reply in exchange(url, sent, replies=20)] == [str(n) for n in range(20)]


def test_a_client_that_waits_to_be_told_to_go_on_is_told(url):
    """curl does so ahead of bodies over a megabyte."""
    body = json.dumps(QUESTION).encode()
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [
            "curl",
            "-s",
            "-S",
            "-m",
            "20",
            "--expect100-timeout",
            "15",
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            "@-",
            url + INFER,
        ],
        input=body,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == ask(url, INFER, QUESTION).json
