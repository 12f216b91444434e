"""modelserving.repository: which models there are, which are loaded, and what is said about the others."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import onnx_models
import pytest

from modelserving import repository as module
from modelserving.fleet import Budget
from modelserving.interpreter import ExecutionError, Interpreter
from modelserving.protocol import ProtocolError
from modelserving.repository import Repository, footprint, versions_in
from modelserving.stubs import StubModel

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


# With a budget


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for factor in range(6):
        onnx_models.put(tmp_path, f"m{factor}", 1, onnx_models.times(factor))
    return tmp_path


def asked(models: Repository, name: str, version: str | None = None) -> float:
    with models.use(name, version) as interpreter:
        return factor(interpreter)


def test_with_a_budget_every_model_answers_and_few_are_loaded(many):
    models = Repository(many, budget=Budget(models=2))
    assert models.load_all() == {}
    assert models.ready() == {}
    for number in (0, 1, 2, 3, 4, 5, 5, 4, 0):
        assert asked(models, f"m{number}") == number
        assert len(models.ready()) <= 2
    assert models.fleet.most_models == 2
    assert list(models.ready()) == ["m4", "m0"]


def test_without_a_budget_using_is_getting(many):
    models = Repository(many)
    models.load("m3")
    assert models.fleet is None
    assert asked(models, "m3") == 3
    assert kind_of(asked, models, "m1") == "not_ready"


def test_versions_come_and_go_together(folder):
    models = Repository(folder, budget=Budget(models=1))
    assert [asked(models, "times", version) for version in (None, "1", "2", "10")] == [10, 1, 2, 10]
    assert kind_of(asked, models, "times", "3") == "unknown_version"
    assert kind_of(asked, models, "none") == "unknown_model"
    with models.use("echo"):
        assert list(models.ready()) == ["echo"]


@pytest.mark.parametrize("name", ["", ".", "..", "../times", "times/1", "/etc", "times\0", "x" * 5000])
def test_with_a_budget_too_names_that_are_paths_are_unknown(folder, name):
    onnx_models.put(folder, "1", 1, onnx_models.times(1))
    models = Repository(folder / "times", budget=Budget(models=1))
    for act in (models.load, models.unload, models.acquire):
        assert kind_of(act, name) == "unknown_model"


def test_an_evicted_model_is_closed_whoever_still_knows_it(many):
    models = Repository(many, budget=Budget(models=1))
    with models.use("m1") as one:
        assert factor(one) == 1
    with models.use("m2"), pytest.raises(ExecutionError):
        one.predict(ROW)


def test_what_was_added_is_no_file_and_is_not_closed(many):
    added = Interpreter(onnx_models.times(7), name="added")
    models = Repository(many, budget=Budget(models=1))
    models.add(added)
    models.add(StubModel("stub"))
    assert asked(models, "added") == 7
    with models.use("stub") as stub:
        assert stub.name == "stub"
    assert asked(models, "added") == 7


def test_the_index_of_a_fleet_tells_what_a_request_would_do(many):
    onnx_models.put(many, "broken", 1, b"no model")
    models = Repository(many, budget=Budget(models=2), pinned=["m0"])
    models.load_all()
    asked(models, "m1")
    assert kind_of(asked, models, "broken") == "not_ready"
    models.unload("m2")
    rows = {row["name"]: (row["state"], row["reason"]) for row in models.index()}
    assert rows["m0"] == ("READY", "")
    assert rows["m1"] == ("UNAVAILABLE", "not loaded: the first request loads it")  # it left for the broken one
    assert rows["m2"] == ("UNAVAILABLE", "unloaded")
    assert "cannot load the model" in rows["broken"][1]
    assert [row["name"] for row in models.index(ready=True)] == ["m0"]
    assert kind_of(models.get, "m1") == "not_ready"
    assert kind_of(models.askable, "broken") == "not_ready"
    assert kind_of(models.askable, "m1", "2") == "unknown_version"
    assert kind_of(asked, models, "m2") == "not_ready"
    models.askable("m3")
    models.load("m2")
    assert asked(models, "m2") == 2
    assert asked(models, "m0") == 0


def test_files_that_changed_are_loaded_the_next_time(many):
    models = Repository(many, budget=Budget(models=1))
    assert asked(models, "m1") == 1
    onnx_models.put(many, "m1", 2, onnx_models.times(20))
    assert asked(models, "m1") == 1
    assert asked(models, "m2") == 2
    assert asked(models, "m1") == 20


def test_a_budget_of_bytes_reckons_with_what_a_model_takes(many):
    path = many / "m1" / "1" / "model.onnx"
    one = module.SESSION + footprint(str(path), path.stat().st_size)
    models = Repository(many, budget=Budget(bytes=2 * one))
    for number in (1, 2, 3):
        asked(models, f"m{number}")
    assert list(models.ready()) == ["m2", "m3"]
    assert models.fleet.bytes == 2 * one
    small = Repository(many, budget=Budget(bytes=one - 1))
    assert kind_of(asked, small, "m1") == "no_room"


def test_weights_beside_the_model_count(many):
    alone, _ = Repository(many, budget=Budget(models=1))._look("m1")
    (many / "m1" / "1" / "weights.bin").write_bytes(bytes(1000))
    assert Repository(many, budget=Budget(models=1))._look("m1")[0] == alone + 1000 * module.OF_WEIGHTS


def test_a_tree_takes_more_than_its_file_says(tmp_path):
    onnx_models.put(tmp_path, "weights", 1, onnx_models.times(2))
    (tmp_path / "trees").write_bytes(b"TreeEnsembleClassifier" + bytes(100))
    assert footprint(str(tmp_path / "weights" / "1" / "model.onnx"), 1000) == 1000 * module.OF_WEIGHTS
    assert footprint(str(tmp_path / "trees"), 1000) == 1000 * module.OF_TREES
    assert footprint(str(tmp_path / "gone"), 1000) == 1000 * module.OF_WEIGHTS


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pinned": ["m1"]}, "without a budget"),
        ({"budget": Budget(models=1), "pinned": ["m9"]}, "cannot be pinned: There is no model 'm9'"),
        (
            {"budget": Budget(models=1), "pinned": ["m1", "m2"]},
            "2 pinned models take [0-9,]+ bytes, and the budget is 1 model",
        ),
        ({"budget": Budget(bytes=1000), "pinned": ["m1"]}, "and the budget is 1,000 bytes"),
    ],
)
def test_pins_that_cannot_hold_are_refused_in_a_sentence(many, options, says):
    with pytest.raises(ValueError, match=says):
        Repository(many, **options).check()


def test_a_model_is_tried_out_when_it_is_loaded(many):
    models = Repository(many, budget=Budget(models=2))
    onnx_models.put(many, "share", 1, onnx_models.share())
    with models.use("m1") as one, models.use("share") as two:
        assert (one.independent, two.independent) == (True, False)
        assert [rows for rows, _ in one.timed] == [1, 1, 2]


def test_threads_get_the_answers_of_the_model_they_asked(many):
    models, wrong = Repository(many, budget=Budget(models=2, wait=20)), []

    def ask(first: int) -> None:
        try:
            for step in range(30):
                number = (first + step * step) % 6
                assert asked(models, f"m{number}") == number
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong, wrong
    assert models.fleet.most_models <= 2
    assert models.fleet.models == len(models.ready())
