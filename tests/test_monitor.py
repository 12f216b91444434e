"""modelserving.monitor, and the commands ``labels`` and ``monitor`` that work on a server's log."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_models
import pytest
from sklearn import metrics
from test_serve_command import serving
from wire import ask, tensor

from modelserving import cli, drift, monitor, monitor_command, plots, protocol
from modelserving.monitor import Window, cut, windows
from modelserving.store import Served, Store, each_row, moment

DAY = 86400
DOCUMENT = (Path(__file__).parents[1] / "docs" / "monitoring.md").read_text(encoding="utf-8")


def served(times: list[float]) -> Served:
    stamps = np.array([moment(t) for t in times], dtype="datetime64[us]")
    ids = np.array([str(i) for i in range(len(times))], dtype=object)
    return Served(ids, np.zeros(len(ids), int), stamps, ids, {"x": np.arange(len(ids))}, {"y": np.arange(len(ids))})


def stream(
    path: Path, *, days: int = 120, rows: int = 50, shift: int | None = None, concept: int | None = None, seed: int = 0
) -> Store:
    """A log of a model of three columns, labels a day late; from a day on an input, or the truth, is another."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rows)
    X = rng.normal(size=(len(day), 3)).astype(np.float32)
    if shift is not None:
        X[day >= shift, 1] += 2
    y = X.sum(1) + 0.1 * rng.normal(size=len(day))
    if concept is not None:
        y[day >= concept] *= -1
    times = (day * DAY).astype("datetime64[s]")
    ids = [f"r{i}" for i in range(len(day))]
    store = Store(path)
    store.log(each_row("m", "1", {"x": X}, {"y": X.sum(1, keepdims=True)}, ids, times))
    store.label("m", ids, y, times + np.timedelta64(DAY, "s"))
    return store


def first(report: monitor.Report, name: str) -> int | None:
    """The first window after the time in control in which a monitor rang."""
    alarms = report.monitors[name].alarms
    alarms = alarms[alarms >= report.control[2]]
    return int(alarms[0]) if len(alarms) else None


# Windows


def test_windows_by_period_are_in_the_order_of_time():
    found = windows(served([0, 10, DAY, 3 * DAY + 5, 3 * DAY + 6]), "day")
    assert [(one.name, one.rows.tolist()) for one in found] == [
        ("1970-01-01", [0, 1]),
        ("1970-01-02", [2]),
        ("1970-01-04", [3, 4]),
    ]
    assert (found[2].start, found[2].end) == (
        np.datetime64("1970-01-04T00:00:05"),
        np.datetime64("1970-01-04T00:00:06"),
    )
    assert [len(windows(served([0, 40 * DAY, 400 * DAY]), by)) for by in ("hour", "month", "year")] == [3, 3, 2]
    assert windows(served([]), "day") == []


def test_windows_of_so_many_rows_are_all_full():
    assert [one.rows.tolist() for one in windows(served([1, 2, 3, 4, 5]), 2)] == [[0, 1], [2, 3]]


def test_windows_by_key_come_in_the_order_of_their_first_row():
    keys = np.array(["b", "a", "b", "c"])
    assert [(one.name, one.rows.tolist()) for one in windows(served([1, 2, 3, 4]), keys)] == [
        ("b", [0, 2]),
        ("a", [1]),
        ("c", [3]),
    ]


@pytest.mark.parametrize("by", ["fortnight", 0, -1, 1.5, np.zeros(3)])
def test_other_windows_are_refused(by):
    with pytest.raises(ValueError, match="Windows are a number of rows, or one of hour, day"):
        windows(served([1, 2]), by)


def test_the_time_in_control_is_cut_in_three():
    starts = np.arange(10).astype("datetime64[D]")
    found = [Window(str(day), day, day + np.timedelta64(12, "h"), np.array([i])) for i, day in enumerate(starts)]
    assert cut(found, 9) == (3, 6, 9)
    assert cut(found, 4) == (2, 3, 4)
    assert cut(found, "1970-01-07") == cut(found, np.datetime64("1970-01-07")) == cut(found, 6) == (2, 4, 6)
    for wrong in (2, 11, "1970-01-02"):
        with pytest.raises(ValueError, match="three at least"):
            cut(found, wrong)


def test_windows_that_begin_at_midnight_are_named_by_their_day():
    assert [one.name for one in windows(served([day * DAY for day in range(4)]), by=2)] == ["1970-01-01", "1970-01-03"]
    assert [one.name for one in windows(served([0, 90, DAY, DAY + 90]), by=1)][1] == "1970-01-01T00:01:30"
    assert windows(served([0, DAY]), by=3) == []


def test_columns_of_the_report_stand_apart_whatever_they_hold(tmp_path):
    names = ["first", "a column whose name takes a lot of room", "third"]
    with stream(tmp_path / "log.db", shift=70) as store:
        lines = str(monitor.report(store, "m", in_control=60, names=names)).splitlines()
    table = lines[lines.index("") + 1 :]
    at = table[0].index("false alarms while in control")
    rows = [line for line in table[1 : table.index("")] if "windows, " in line]
    assert any(names[1] in line for line in rows)
    assert all(line[at - 2 : at] == "  " and re.match(r"\d+ of \d+ windows, ", line[at:]) for line in rows)


# What it finds


def test_a_shift_of_one_input_is_found_at_once_and_named(tmp_path):
    with stream(tmp_path / "log.db", shift=100) as store:
        report = monitor.report(store, "m", in_control=90)
    for name in ("psi inputs", "ks inputs"):
        one = report.monitors[name]
        assert {100, 101, 119} <= set(one.alarms)
        assert {one.columns[place] for place in range(100, 120)} == {"x[1]"}
        assert one.scores[100:].min() > 2 * one.threshold
    assert report.columns["psi inputs"]["x[1]"][100] > 10 * report.columns["psi inputs"]["x[0]"][100]
    assert not set(report.monitors["error"].alarms) & {100, 101, 102} or first(report, "error") is None
    assert "x[1]" in str(report)


def test_a_change_of_the_truth_is_seen_by_who_has_labels_alone(tmp_path):
    with stream(tmp_path / "log.db", concept=100) as store:
        report = monitor.report(store, "m", in_control=90)
        blind = monitor.report(store, "m", in_control=90, as_of=100 * DAY)  # the labels of day 100 come a day later
    assert {100, 101, 119} <= set(report.monitors["error"].alarms)
    assert 100 <= first(report, "Page–Hinkley") < 110
    assert 100 <= first(report, "ADWIN") < 110
    for name in ("psi inputs", "ks inputs", "psi predictions", "ks predictions"):
        assert len(report.monitors[name].alarms[report.monitors[name].alarms >= 100]) < 10
    assert 100 not in blind.monitors["error"].alarms
    assert blind.labelled[-1] == 0
    assert np.isnan(blind.monitors["error"].scores[-1])


def test_what_is_in_control_does_not_ring_by_and_large(tmp_path):
    with stream(tmp_path / "log.db", days=400, rows=30) as store:
        report = monitor.report(store, "m", in_control=300)
    for one in report.monitors.values():
        assert one.false.windows == 100
        assert one.false.rate < 0.2
        assert (one.alarms >= 300).sum() < 20
    assert (report.delay, report.unknown) == (DAY, 0)


def test_scores_are_those_of_the_library(tmp_path):
    with stream(tmp_path / "log.db", days=12) as store:
        report = monitor.report(store, "m", in_control=9, rate=0.25)
        X = store.predictions("m").inputs["x"]
    want = drift.psi(X[:150, 2], X[500:550, 2])
    assert report.columns["psi inputs"]["x[2]"][10] == pytest.approx(want)
    assert report.columns["ks inputs"]["x[2]"][10] == pytest.approx(drift.ks(X[:150, 2], X[500:550, 2]).statistic)
    assert np.isnan(report.columns["psi inputs"]["x[2]"][:3]).all()  # the reference is not compared with itself
    setting = report.monitors["psi inputs"].scores[3:6]
    assert report.monitors["psi inputs"].threshold == drift.threshold(setting, 0.25)


def test_without_labels_the_rest_is_watched(tmp_path):
    with Store(tmp_path / "log.db") as store:
        x = np.random.default_rng(0).normal(size=3000).astype(np.float32)
        store.log(each_row("m", "1", {"x": x}, {"y": x}, times=(np.arange(3000) // 50 * DAY).astype("datetime64[s]")))
        report = monitor.report(store, "m", in_control=57)
    for name in ("error", "Page–Hinkley", "ADWIN"):
        assert report.monitors[name].note.startswith("not watched")
        assert not len(report.monitors[name].alarms)
    assert not report.monitors["psi inputs"].note
    assert "Labels are known for 0 of 3,000 rows." in str(report)


def test_small_windows_constant_columns_text_and_nan_are_borne(tmp_path):
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(40), 25)[:-20]  # the last has 5 rows
    n = len(day)
    inputs = {
        "constant": np.ones(n, np.float32),
        "missing": np.full(n, np.nan, np.float32),
        "word": rng.choice(["a", "b"], n).astype(object),
        "flag": rng.random(n) < 0.5,
    }
    with Store(tmp_path / "log.db") as store:
        store.log(each_row("m", "1", inputs, {"y": np.ones(n)}, times=(day * DAY).astype("datetime64[s]")))
        report = monitor.report(store, "m", in_control=30, rate=0.1)
    assert list(report.columns["psi inputs"]) == ["constant", "missing", "word", "flag"]
    assert "word" not in report.columns["ks inputs"]
    assert np.isnan(report.columns["psi inputs"]["missing"]).all()
    assert np.isnan(report.monitors["psi inputs"].scores[-1])
    assert report.columns["psi inputs"]["constant"][20] == 0
    assert str(report)


def test_too_little_to_promise_a_rate_is_said_and_nothing_rings(tmp_path):
    with stream(tmp_path / "log.db", days=12) as store:
        report = monitor.report(store, "m", in_control=9)  # three windows cannot promise one alarm in twenty
    assert report.monitors["psi inputs"].note.startswith("not watched: 3 windows cannot promise")
    assert "cannot promise" in str(report)
    with pytest.raises(ValueError, match="nothing to draw"):
        monitor.figure(report)


@pytest.mark.parametrize("name", monitor.ERRORS)
def test_errors_are_the_field_s(name):
    rng = np.random.default_rng(0)
    labels, predicted = (rng.random(500) < 0.3).astype(float), rng.random(500)
    theirs = {
        "absolute": metrics.mean_absolute_error,
        "squared": metrics.mean_squared_error,
        "log": metrics.log_loss,
    }
    assert monitor.ERRORS[name](labels, predicted).mean() == pytest.approx(theirs[name](labels, predicted))


def test_which_output_the_labels_are_of():
    one = served([1, 2])
    probability, label = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), np.array([0, 1])
    both = Served(one.ids, one.rows, one.times, one.versions, {}, {"label": label, "probability": probability})
    np.testing.assert_allclose(monitor.predictions_of(both), [0.1, 0.8], rtol=1e-6)
    assert monitor.predictions_of(both, "label").tolist() == [0, 1]
    with pytest.raises(ValueError, match="no output 'none' of numbers: label, probability"):
        monitor.predictions_of(both, "none")
    two = Served(one.ids, one.rows, one.times, one.versions, {}, {"a": label, "b": label})
    with pytest.raises(ValueError, match="Say which output the labels are of: a, b"):
        monitor.predictions_of(two)


def test_a_report_is_plain_data_and_a_figure(tmp_path):
    with stream(tmp_path / "log.db", shift=100) as store:
        report = monitor.report(store, "m", in_control=90, names=["a", "b", "c"])
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["monitors"]["psi inputs"]["alarms"] == report.monitors["psi inputs"].alarms.tolist()
    assert list(plain["columns"]["ks inputs"]) == ["a", "b", "c"]
    assert plain["windows"][100] == {"name": "1970-04-11", "start": "1970-04-11T00:00:00.000000"} | {
        "rows": 50,
        "labelled": 50,
    }
    fig = monitor.figure(report)
    assert len(fig.axes) == 5
    drawn = fig.axes[0].get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, report.monitors["psi inputs"].scores)
    assert b"<desc" in plots.svg(fig, "Report", monitor.told(report))
    assert f"psi inputs {len(report.monitors['psi inputs'].alarms)} alarms" in monitor.told(report)


# modelserving labels


def told(capsys, *arguments: object) -> str:
    """The sentence of a command that could not do what it was asked to."""
    assert cli.main([str(one) for one in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("modelserving: ")
    return said.err


@pytest.fixture
def log(tmp_path) -> Path:
    with Store(tmp_path / "log.db") as store:
        x = np.arange(3, dtype=np.float32)
        store.log(each_row("m", "1", {"x": x}, {"y": x}, ["a", "b", "c"], 0))
    return tmp_path / "log.db"


def known(log: Path, model: str = "m") -> dict[str, float]:
    with Store(log) as store:
        joined = store.joined(model)
    return dict(zip(joined.served.ids[joined.known].tolist(), joined.labels[joined.known].tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("id,value\na,1\nb,2.5\n", {"a": 1, "b": 2.5}),
        ("\ufeffid,value\r\na,1\r\n\r\n", {"a": 1}),
        ("value,time,id\n1,1970-01-02,a\n2,86401,a\n3,,b\n", {"a": 2, "b": 3}),
        ("id,row,value\na,0,1\n", {"a": 1}),
        ('"id", "value"\n"a"," -1e3 "\n', {"a": -1000}),
    ],
)
def test_labels_from_a_file(log, tmp_path, capsys, text, want):
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    assert cli.main(["labels", str(tmp_path / "labels.csv"), "--log", str(log)]) == 0
    assert re.fullmatch(r"Kept \d labels of 'm' in .*\n", capsys.readouterr().out)
    assert known(log) == want


def test_labels_from_standard_input_and_of_ids_that_nobody_knows(log, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("id,value\na,1\nz,2\n"))
    assert cli.main(["labels", "-", "--log", str(log)]) == 0
    assert "Kept 2 labels" in (said := capsys.readouterr().out)
    assert "1 ids have no prediction so far." in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The first line names the columns"),
        ("a,1\n", "The first line names the columns"),
        ("id,value,colour\na,1,red\n", "The first line names the columns"),
        ("id,value,id\n", "The first line names the columns"),
        ("id,value\n", "The file has no labels."),
        ("id,value\na,1\nb,\n", "Line 3: A label is a finite number"),
        ("id,value\na,1\nb,nan\n", "Line 3: A label is a finite number"),
        ("id,value\na,1\n,2\n", "Line 3: The id is empty."),
        ("id,value\na,1\nb\nc,1,2\n", "Line 3: 1 fields, and the first line has 2. Line 4: 3 fields"),
        ("id,value,time\na,1,\nb,1,soon\n", "Line 3: 'soon' is no time"),
        ("id,value,row\na,1,0\nb,1,x\n", "Line 3: Rows are counted from 0, not 'x'."),
        ("id,value,row\na,1,0\n\nb,1,7\n", "Line 4: The prediction 'b' has 1 row, and a label came for row 7"),
        ("id,value\na,1\n" + "b,\n" * 30, "And 20 more."),
    ],
)
def test_lines_that_are_wrong_are_named_and_nothing_is_kept(log, tmp_path, capsys, text, says):
    (tmp_path / "labels.csv").write_text(text)
    assert says in told(capsys, "labels", tmp_path / "labels.csv", "--log", log)
    assert known(log) == {}


def test_a_file_that_is_no_text_is_told(log, tmp_path, capsys):
    (tmp_path / "labels.csv").write_bytes(b"id,value\na,1\n\xff\xfe\n")
    assert "no CSV file in UTF-8" in told(capsys, "labels", tmp_path / "labels.csv", "--log", log)
    assert "No such file" in told(capsys, "labels", tmp_path / "none.csv", "--log", log)
    assert known(log) == {}


def test_the_log_and_the_model_have_to_be_there(log, tmp_path, capsys):
    (tmp_path / "labels.csv").write_text("id,value\na,1\n")
    assert "There is no log" in told(capsys, "labels", tmp_path / "labels.csv", "--log", tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    assert "is not a database" in told(capsys, "labels", "-", "--log", tmp_path / "labels.csv")
    assert "It has those of: m." in told(capsys, "labels", tmp_path / "labels.csv", "--log", log, "--model", "q")
    with Store(log) as store:
        store.log(each_row("n", "1", {"x": np.zeros(1)}, {"y": np.zeros(1)}, ["a"]))
    assert "Say which model, by --model." in told(capsys, "labels", tmp_path / "labels.csv", "--log", log)
    assert cli.main(["labels", str(tmp_path / "labels.csv"), "--log", str(log), "--model", "n"]) == 0
    assert (known(log), known(log, "n")) == ({}, {"a": 1})


def test_labels_come_while_the_server_runs(tmp_path):
    onnx_models.put(tmp_path / "models", "times", 1, onnx_models.times())
    (tmp_path / "labels.csv").write_text("id,value\na,1\n")
    with serving(tmp_path / "models", "--log", tmp_path / "log.db") as (_, url, _):
        body = {"id": "a", "inputs": [tensor("x", "FP32", [[1, 2, 3]])]}
        assert ask(url, "/v2/models/times/infer", body).status == 200
        command = [sys.executable, "-m", "modelserving.cli", "labels", "labels.csv", "--log", "log.db"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "Kept 1 labels of 'times' in log.db.\n")
        assert ask(url, "/v2/models/times/infer", body | {"id": "b"}).status == 200
    assert known(tmp_path / "log.db", "times") == {"a": 1}


# modelserving monitor


@pytest.mark.parametrize(("shift", "status"), [(None, 0), (100, 1)])
def test_the_command_reports_and_its_status_tells_of_an_alarm_now(tmp_path, capsys, shift, status):
    stream(tmp_path / "log.db", shift=shift, seed=4).close()
    files = ["--json", str(tmp_path / "report.json"), "--plot", str(tmp_path / "report.svg")]
    names = ["--names", "a,b,c"]
    assert cli.main(["monitor", str(tmp_path / "log.db"), "--in-control", "90", *names, *files]) == status
    said = capsys.readouterr()
    assert "6,000 rows in 120 windows, 1970-01-01 to 1970-04-30." in said.out
    assert ("(b)" in said.out, "an alarm in the last window: psi inputs" in said.err) == (status == 1, status == 1)
    assert len(json.loads((tmp_path / "report.json").read_text())["windows"]) == 120
    assert (tmp_path / "report.svg").read_text().startswith("<?xml")


def test_the_command_s_options_reach_the_report(tmp_path, capsys):
    stream(tmp_path / "log.db", days=30).close()
    common = ["monitor", str(tmp_path / "log.db"), "--rate", "0.2", "--error", "squared", "--output", "y"]
    assert cli.main([*common, "--by", "100", "--in-control", "12", "--version", "1"]) in (0, 1)
    assert "version 1: 1,500 rows in 15 windows" in capsys.readouterr().out
    limits = ["--since", "1970-01-03", "--until", "1970-01-28", "--as-of", "1970-01-25"]
    assert cli.main([*common, *limits, "--in-control", "1970-01-20"]) in (0, 1)
    said = capsys.readouterr().out
    assert "1,150 rows in 23 windows, 1970-01-03 to 1970-01-25." in said
    assert "17 windows, to 1970-01-19" in said
    assert "Labels are known for 1,100 of 1,150 rows, half of them within 1 day." in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--in-control", "2"], "three at least"),
        (["--in-control", "soon"], "'soon' is no time"),
        (["--in-control", "9", "--by", "moon"], "Windows are a number of rows, or one of"),
        (["--in-control", "9", "--model", "q"], "no predictions of 'q'"),
        (["--in-control", "9", "--version", "7"], "It has 'm' version 1."),
        (["--in-control", "9", "--names", "a,b"], "has 3 columns of input, and 2 different names"),
        (["--in-control", "9", "--output", "z"], "no output 'z'"),
        (["--in-control", "9", "--rate", "0"], "between 0 and 1"),
        (["--in-control", "9", "--plot", "x.png"], "SVG file: --plot x.svg"),
        (["--in-control", "9", "--json", "none/x.json"], "no folder"),
    ],
)
def test_mistakes_get_one_sentence(tmp_path, capsys, arguments, says):
    stream(tmp_path / "log.db", days=10, rows=2).close()
    assert says in told(capsys, "monitor", tmp_path / "log.db", *arguments)


def test_a_log_that_is_not_there_is_not_made(tmp_path, capsys):
    assert "There is no log" in told(capsys, "monitor", tmp_path / "none.db", "--in-control", 9)
    assert list(tmp_path.iterdir()) == []


# The document


def test_what_the_document_shows_is_taken(tmp_path):
    body = re.search(r"labels\n(\{.*?\})\n```", DOCUMENT, re.DOTALL)[1]
    labels = protocol.decode_labels(body.encode())
    with Store(tmp_path / "log.db") as store:
        kept = store.label("m", labels.ids, labels.values, [0 if t is None else t for t in labels.times])
    assert f'{{"kept": {kept.labels}, "unknown": 0}}' in DOCUMENT
    table = re.search(r"```\n(id,value.*?)```", DOCUMENT, re.DOTALL)[1]
    assert monitor_command.read(io.StringIO(table))["id"] == ["a7", "a9"]


def test_the_document_names_every_monitor(tmp_path):
    with stream(tmp_path / "log.db", days=12) as store:
        report = monitor.report(store, "m", in_control=9)
    for name in report.monitors:
        assert name in DOCUMENT
    assert f"fewer than {monitor.LEAST} rows" in DOCUMENT
