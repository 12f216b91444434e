"""``modelserving serve``: the command as one types it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import onnx_models
import psutil
import pytest

from modelserving import cli
from modelserving.server import served
from modelserving.store import Store

COMMAND = [sys.executable, "-m", "modelserving.cli", "serve"]
ROW = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    onnx_models.put(folder, "times", 1, onnx_models.times(1))
    onnx_models.put(folder, "times", 2, onnx_models.times(2))
    return folder


@contextmanager
def serving(*arguments: object) -> Iterator[tuple[subprocess.Popen, str, list[str]]]:
    """The process, its address, and what it said up to where it named it."""
    command = [*COMMAND, *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        said = []
        for line in process.stderr:
            said.append(line.rstrip("\n"))
            if found := re.search(r"http://\S+(?=/v2)", line):
                yield process, found[0], said
                break
        else:
            pytest.fail(f"It ended and said: {said}")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def ask(url: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("options", [[], ["--inline", "--threads", "2", "--batch-rows", "8", "--queue-rows", "16"]])
def test_it_serves_what_is_in_the_folder_and_says_so(folder, options):
    with serving(folder, *options) as (_, url, said):
        assert re.fullmatch(r"Serving times 1/2 at http://127\.0\.0\.1:\d+/v2, ready after \d+\.\d\d s\. .*", said[-1])
        assert ask(url, "GET", "/v2/health/ready")[0] == 200
        status, body = ask(url, "POST", "/v2/models/times/infer", ROW)
        assert (status, b'"data":[2.0,4.0,6.0]' in body) == (200, True)


def test_limits_are_set_in_mib(folder):
    with serving(folder, "--max-body", 1, "--max-tensor", 1) as (_, url, _):
        assert ask(url, "POST", "/v2/models/times/infer", ROW + b" " * 2**20)[0] == 413
        assert ask(url, "POST", "/v2/models/times/infer", ROW + b" " * 2**19)[0] == 200


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_and_no_traceback(folder, number):
    with serving(folder) as (process, url, _):
        assert ask(url, "POST", "/v2/models/times/infer", ROW)[0] == 200
        process.send_signal(number)
        assert process.stderr.read() == ""
        assert process.wait(30) == 0


def test_a_model_that_cannot_be_loaded_is_told_and_the_others_are_served(folder):
    onnx_models.put(folder, "broken", 1, b"no model")
    with serving(folder) as (_, url, said):
        assert said[0].startswith("Version 1 of 'broken' cannot be loaded. ")
        assert "Traceback" not in "".join(said)
        assert ask(url, "POST", "/v2/models/times/infer", ROW)[0] == 200


def test_an_empty_folder_is_served_too(tmp_path):
    with serving(tmp_path) as (_, url, said):
        assert said[-1].startswith("Serving no model at ")
        assert ask(url, "POST", "/v2/repository/index") == (200, b"[]")


def test_it_takes_little_memory(folder):
    """Ready with two small models in less than 100 MB: nothing of training is imported."""
    with serving(folder) as (process, _, _):
        assert psutil.Process(process.pid).memory_info().rss < 100e6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_it_keeps_a_log_and_leaves_one_file(folder, tmp_path):
    log = tmp_path / "log.db"
    with serving(folder, "--log", log) as (process, url, _):
        assert ask(url, "POST", "/v2/models/times/infer", ROW)[0] == 200
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert [path.name for path in tmp_path.glob("log.db*")] == ["log.db"]  # all of it is in the file itself
    with Store(log) as store:
        assert store.predictions("times").outputs["y"].tolist() == [[2, 4, 6]]


def test_served_keeps_a_log_too(folder, tmp_path):
    with served(folder, log=tmp_path / "log.db") as url:
        assert ask(url, "POST", "/v2/models/times/infer", ROW)[0] == 200
    with Store(tmp_path / "log.db") as store:
        assert store.models() == {"times": {"2": 1}}


def told(capsys, *arguments: object) -> str:
    """The sentence of a command that could not do what it was asked to."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        assert cli.main(["serve", *map(str, arguments)]) == 2
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_mistakes_get_one_sentence(capsys, folder, tmp_path):
    assert "There is no folder" in told(capsys, tmp_path / "none")
    assert "a port is a number from 0 to 65535, not 99999" in told(capsys, folder, "--port", 99999)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = told(capsys, folder, "--port", port)
        assert f"cannot listen on 127.0.0.1:{port}: address already in use. Try another --port." in said
    assert "log of predictions: unable to open" in told(capsys, folder, "--log", tmp_path / "none" / "log.db")
    assert "cannot listen on no.such.host.invalid:" in told(capsys, folder, "--host", "no.such.host.invalid")


@pytest.mark.parametrize(
    "arguments", [["--threads", "0"], ["--batch-rows", "-1"], ["--max-body", "lots"], ["--port", "x"]]
)
def test_numbers_that_are_none_are_refused(capsys, folder, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", str(folder), *arguments])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_console_script_is_there():
    script = Path(sys.executable).with_name("modelserving.exe" if os.name == "nt" else "modelserving")
    done = subprocess.run([script, "serve", "--help"], capture_output=True, text=True, check=True)
    assert "MODELS_DIR" in done.stdout
