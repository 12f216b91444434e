"""modelserving.repository: which models there are, which are loaded, and what is said about the others."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import onnx_models
import pytest

from modelserving import repository as module
from modelserving.interpreter import Interpreter
from modelserving.protocol import ProtocolError
from modelserving.repository import Repository, versions_in

ROW = {"x": np.ones((1, 3), np.float32)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for version in (1, 2, 10):
        onnx_models.put(tmp_path, "times", version, onnx_models.times(version))
    onnx_models.put(tmp_path, "echo", 1, onnx_models.echo("FP32", ["n", 3]))
    return tmp_path


def kind_of(act, *arguments) -> str:
    with pytest.raises(ProtocolError) as wrong:
        act(*arguments)
    return wrong.value.kind


def factor(found: Interpreter) -> float:
    return float(found.predict(ROW)["y"][0, 0])


def test_all_versions_are_loaded_and_the_highest_is_the_default(folder):
    models = Repository(folder)
    assert models.load_all() == {}
    assert [factor(models.get("times", version)) for version in (None, "1", "2", "10")] == [10, 1, 2, 10]
    assert (models.get("times").name, models.get("times").version) == ("times", "10")
    assert list(models.ready()["times"]) == ["1", "2", "10"]


def test_only_folders_of_the_layout_are_models(folder):
    (folder / "README.md").write_text("about")
    (folder / "empty").mkdir()
    (folder / "no_file" / "1").mkdir(parents=True)
    onnx_models.put(folder, "no_number", "latest", b"")
    onnx_models.put(folder, "other_digits", "²", b"")
    onnx_models.put(folder, "times", "1.5", b"")
    models = Repository(folder)
    assert models.names() == ["echo", "times"]
    assert versions_in(folder / "times") == ["1", "2", "10"]
    assert versions_in(folder / "none") == []


def test_what_cannot_be_got_says_why(folder):
    models = Repository(folder)
    assert kind_of(models.get, "times") == "not_ready"
    assert kind_of(models.get, "none") == "unknown_model"
    models.load("times")
    assert kind_of(models.get, "times", "3") == "unknown_version"
    assert kind_of(models.get, "times", "01") == "unknown_version"
    assert kind_of(models.get, "echo") == "not_ready"
    models.unload("times")
    assert kind_of(models.get, "times") == "not_ready"
    assert kind_of(models.get, "times", "1") == "not_ready"


@pytest.mark.parametrize("name", ["", ".", "..", "../times", "times/1", "/etc", "times\0", "x" * 5000])
def test_names_that_are_paths_are_unknown(folder, name):
    models = Repository(folder / ".." / folder.name)
    for act in (models.load, models.unload, models.get):
        assert kind_of(act, name) == "unknown_model"


def test_the_index_tells_the_state_of_every_version(folder):
    onnx_models.put(folder, "broken", 1, b"no model")
    models = Repository(folder)
    assert {row["state"] for row in models.index()} == {"UNAVAILABLE"}
    failed = models.load_all()
    assert list(failed) == ["broken"]
    assert "broken/1/model.onnx" in failed["broken"] or "cannot load" in failed["broken"]
    assert str(folder) not in failed["broken"]
    rows = {(row["name"], row["version"]): row for row in models.index()}
    assert list(rows) == [("broken", "1"), ("echo", "1"), ("times", "1"), ("times", "2"), ("times", "10")]
    assert rows["times", "2"] == {"name": "times", "version": "2", "state": "READY", "reason": ""}
    assert rows["broken", "1"]["state"] == "UNAVAILABLE"
    assert rows["broken", "1"]["reason"] == failed["broken"]
    assert kind_of(models.get, "broken") == "not_ready"
    models.unload("echo")
    assert [row["name"] for row in models.index(ready=True)] == ["times"] * 3


def test_a_load_takes_what_the_folder_holds_now(folder):
    models = Repository(folder)
    models.load("times")
    before = models.generation
    onnx_models.put(folder, "times", 11, onnx_models.times(11))
    shutil.rmtree(folder / "times" / "1")
    assert factor(models.get("times")) == 10
    models.load("times")
    assert factor(models.get("times")) == 11
    assert kind_of(models.get, "times", "1") == "unknown_version"
    assert models.generation > before


def test_a_load_that_fails_leaves_what_was_serving(folder):
    models = Repository(folder)
    models.load("times")
    served, before = models.get("times"), models.generation
    onnx_models.put(folder, "times", 11, b"no model")
    assert kind_of(models.load, "times") == "load_failed"
    assert models.get("times") is served
    shutil.rmtree(folder / "times")
    assert kind_of(models.load, "times") == "load_failed"
    assert models.get("times") is served
    assert models.generation == before
    assert [row["version"] for row in models.index() if row["name"] == "times"] == ["1", "2", "10"]
    models.unload("times")
    assert models.names() == ["echo"]


def test_a_failed_load_can_be_mended(folder):
    path = onnx_models.put(folder, "late", 1, b"no model")
    models = Repository(folder)
    assert kind_of(models.load, "late") == "load_failed"
    path.write_bytes(onnx_models.times(4))
    models.load("late")
    assert factor(models.get("late")) == 4


def test_a_fault_of_any_kind_is_one_model_s_alone(folder, monkeypatch):
    class Faulty(Interpreter):
        def warm_up(self, rows=1):
            if self.name == "times":
                raise MemoryError("no room")

    monkeypatch.setattr(module, "Interpreter", Faulty)
    models = Repository(folder)
    assert models.load_all() == {"times": "Version 1 of 'times' cannot be loaded. MemoryError: no room"}
    assert list(models.ready()) == ["echo"]


def test_a_folder_that_vanishes_takes_nothing_from_what_is_loaded(folder):
    models = Repository(folder)
    models.load("times")
    shutil.rmtree(folder)
    assert models.names() == ["times"]
    assert factor(models.get("times")) == 10
    assert kind_of(models.get, "echo") == "unknown_model"
    assert kind_of(models.load, "times") == "load_failed"


def test_unloading_twice_is_no_error(folder):
    models = Repository(folder)
    models.load("times")
    models.unload("times")
    models.unload("times")
    assert "times" not in models.ready()


def test_a_model_is_not_ready_while_it_loads(folder, monkeypatch):
    started, go_on = threading.Event(), threading.Event()

    class Slow(Interpreter):
        def warm_up(self, rows=1):
            started.set()
            assert go_on.wait(10)

    monkeypatch.setattr(module, "Interpreter", Slow)
    models = Repository(folder)
    thread = threading.Thread(target=models.load, args=["echo"])
    thread.start()
    assert started.wait(10)
    assert kind_of(models.get, "echo") == "not_ready"
    assert [row["state"] for row in models.index() if row["name"] == "echo"] == ["LOADING"]
    go_on.set()
    thread.join()
    assert models.get("echo").name == "echo"
    assert [row["state"] for row in models.index() if row["name"] == "echo"] == ["READY"]


def test_a_folder_that_is_none_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(NotADirectoryError, match=r"no folder '.*nowhere' to take models from"):
        Repository(tmp_path / "nowhere")
