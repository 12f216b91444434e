"""Running notebooks: every cell has an explicit end, whatever the others do, and nothing stays behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest

from autograder.kernel import MARKER, CellRun, End, Frame, Limits, run_notebook


def run(folder: Path, *sources: str, **limits) -> list[CellRun]:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    return run_notebook(notebook, folder, Limits(**limits))


def text(cell: CellRun) -> str:
    """What a cell printed."""
    return "".join(output.get("text", "") for output in cell.outputs)


def shown(cell: CellRun) -> str:
    """The value of a cell's last line."""
    return next(o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_each_cell_ends_as_it_ended(tmp_path):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("import sys\nprint('out')\nsys.stderr.write('only a warning')\n1 + 1"),
            nbformat.v4.new_markdown_cell("text"),
            nbformat.v4.new_code_cell("def divide(n):\n    return 1 / n"),
            nbformat.v4.new_code_cell("x = 1\ndivide(0)"),
            nbformat.v4.new_code_cell("def broken(:"),
            nbformat.v4.new_code_cell("import json\njson.loads('{')"),
            nbformat.v4.new_code_cell("exit()"),
            nbformat.v4.new_code_cell("input()"),
            nbformat.v4.new_code_cell("from IPython.display import HTML\ndisplay(HTML('<b>x</b>'))"),
        ]
    )
    before = nbformat.writes(notebook)
    ok, divide, zero, syntax, library, leave, ask, html = run_notebook(notebook, tmp_path)
    assert nbformat.writes(notebook) == before
    assert [r.index for r in (ok, divide, zero, syntax, library, leave, ask, html)] == [0, 2, 3, 4, 5, 6, 7, 8]
    assert (ok.end, text(ok), shown(ok), ok.execution_count) == (End.OK, "out\nonly a warning", "2", 1)
    assert divide.end is End.OK
    assert (zero.end, zero.ename, zero.evalue) == (End.ERROR, "ZeroDivisionError", "division by zero")
    assert zero.frames == (Frame(3, 2), Frame(2, 2))
    assert zero.in_cell
    assert (syntax.ename, syntax.frames) == ("SyntaxError", (Frame(4, 1),))
    assert (library.ename, library.frames, library.in_cell) == ("JSONDecodeError", (Frame(5, 2),), False)
    assert (leave.end, leave.ename) == (End.ERROR, "SystemExit")
    assert ask.end is End.ERROR
    assert html.outputs[0].data["text/html"] == "<b>x</b>"


def test_a_deadly_cell_costs_itself_and_state_is_replayed(tmp_path):
    cells = run(
        tmp_path,
        "values = [1]",
        "values.append(2)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
        "values.append(3)",
        "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass",
        "values",
        cell_seconds=2,
    )
    assert [c.end for c in cells] == [End.OK, End.OK, End.CRASH, End.OK, End.TIMEOUT, End.OK]
    assert shown(cells[-1]) == "[1, 2, 3]"


def test_the_budget_of_the_notebook_ends_it(tmp_path):
    cells = run(tmp_path, "1", "import time; time.sleep(60)", "2", "3", cell_seconds=50, notebook_seconds=1.5)
    assert [c.end for c in cells] == [End.OK, End.TIMEOUT, End.NOT_RUN, End.NOT_RUN]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by prlimit, which is Linux's")
def test_too_much_memory_is_an_end_of_its_own(tmp_path):
    cells = run(tmp_path, "b = bytearray(10**9)", "import numpy as np\nnp.ones(10**9)", "1", memory=600_000_000)
    assert [c.end for c in cells] == [End.MEMORY, End.MEMORY, End.OK]


def test_outputs_are_capped_and_say_so(tmp_path):
    one, many, after = run(
        tmp_path, "print('x' * 3_000_000)", "for i in range(50_000): print(i)", "print('y')", stream_characters=1000
    )
    for cell in (one, many):
        assert cell.end is End.OK
        assert len(text(cell)) < 1100
        assert "too long" in text(cell)
    assert text(after) == "y\n"


@pytest.mark.skipif(sys.platform != "linux", reason="strays are found in /proc")
def test_nothing_is_left_behind(tmp_path):
    script = "import os, time, sys; os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    cells = run(
        tmp_path,
        f"import subprocess, sys, os, time\nsubprocess.Popen([sys.executable, '-c', {script!r}, 'pid'])",
        "while not (os.path.exists('pid') and open('pid').read()): time.sleep(0.01)",
        "os.getpid(), os.environ['HOME']",
    )
    assert [c.end for c in cells] == [End.OK] * 3
    kernel, home = eval(shown(cells[2]))
    assert not alive(kernel)
    assert not alive(int((tmp_path / "pid").read_text()))
    assert not Path(home).exists()


def test_the_kernel_sees_a_fixed_world_and_nothing_of_the_instructor(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    (tmp_path / "random.py").write_text("raise SystemExit('a file of the student broke the kernel')")
    (tmp_path / "helper.py").write_text("answer = 42")
    ask = "import os, sys, helper\nimport numpy as np\nsorted(os.environ), os.getcwd(), helper.answer"
    draw = "float(np.random.random()), hash('a'), os.environ['ORT_DISABLE_TELEMETRY'], os.environ['OMP_NUM_THREADS']"
    first, second = run(tmp_path, ask, draw), run(tmp_path, ask, draw)
    variables, cwd, answer = eval(shown(first[0]))
    assert "SECRET_TOKEN" not in variables
    assert MARKER in variables
    assert (Path(cwd), answer) == (tmp_path.resolve(), 42)
    assert shown(first[1]) == shown(second[1])
    assert shown(first[1]).endswith("'1', '1')")


def test_no_temporary_folder_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    work = tmp_path / "work"
    work.mkdir()
    run(work, "1")
    assert os.listdir(tmp_path) == ["work"]
