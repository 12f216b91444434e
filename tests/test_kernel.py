"""Running notebooks: every cell has an explicit end, whatever the others do, and nothing stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from building import answer, check

from autograder import kernel, zygotes
from autograder.course import CourseError
from autograder.kernel import run_notebook
from autograder.runs import CellRun, End, Frame, Limits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and namespaces are Linux's")


def run(folder: Path, *sources: str, **limits) -> list[CellRun]:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    return run_notebook(notebook, folder, Limits(**limits))


def text(cell: CellRun) -> str:
    """What a cell printed."""
    return "".join(output.get("text", "") for output in cell.outputs)


def shown(cell: CellRun) -> str:
    """The value of a cell's last line."""
    return next(o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")


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
        "import ctypes\nctypes.string_at(0)",
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


def test_nothing_is_left_behind(tmp_path):
    name = f"stray-{os.getpid()}"
    script = "import os, time, signal; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
    cells = run(
        tmp_path,
        f"import subprocess, sys, os\n"
        f"stray = subprocess.Popen([sys.executable, '-c', {script!r}, {name!r}], stdout=subprocess.PIPE)\n"
        "int(stray.stdout.readline())",
    )
    assert cells[0].end is End.OK
    assert int(shown(cells[0])) < 100  # a number in a process tree of its own
    assert not strays(name)


def strays(name: str) -> list[str]:
    """Processes of this machine with ``name`` among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_a_grader_that_is_killed_takes_everything_along(tmp_path):
    name = f"orphan-{os.getpid()}"
    cell = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(600)', {name!r}])"
    grader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import test_kernel, pathlib; test_kernel.run(pathlib.Path({str(tmp_path)!r}), {cell!r})",
        ],
        cwd=Path(__file__).parent,
    )
    wait_until(lambda: strays(name))
    grader.kill()
    grader.wait()
    wait_until(lambda: not strays(name))


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_kernel_sees_a_fixed_world_and_nothing_of_the_instructor(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    zygotes.stop()
    (tmp_path / "random.py").write_text("raise SystemExit('a file of the student broke the kernel')")
    (tmp_path / "helper.py").write_text("answer = 42")
    ask = "import os, sys, helper\nimport numpy as np\nsorted(os.environ), os.getcwd(), helper.answer"
    draw = "float(np.random.random()), hash('a'), os.environ['ORT_DISABLE_TELEMETRY'], os.environ['OMP_NUM_THREADS']"
    first, second = run(tmp_path, ask, draw), run(tmp_path, ask, draw)
    variables, cwd, answer = eval(shown(first[0]))
    assert "SECRET_TOKEN" not in variables
    assert (cwd, answer) == ("/home/student", 42)
    assert shown(first[1]) == shown(second[1])
    assert shown(first[1]).endswith("'1', '1')")


def test_no_temporary_folder_is_left(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "tmp").mkdir()
    code = 'import pathlib, test_kernel; test_kernel.run(pathlib.Path(\'{}\'), \'open("mine", "w").write("1")\')'
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "-c", code.format(tmp_path / "work")], env=environment, check=True, timeout=120)
    assert os.listdir(tmp_path / "tmp") == []
    assert os.listdir(tmp_path / "work") == []


def test_what_worked_in_the_students_kernel_works_here(tmp_path):
    sources = {
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()": lambda c: c.outputs[-1].data["image/png"],
        "%%writefile helper.py\nx = 5": lambda c: "Writing helper.py" in text(c),
        "import helper\nhelper.x": lambda c: shown(c) == "5",
        "import asyncio\nawait asyncio.sleep(0.01)\n'waited'": lambda c: shown(c) == "'waited'",
        "%timeit -n1 -r1 pass": lambda c: "per loop" in text(c),
        "!echo from a shell": lambda c: "from a shell" in text(c),
        "import subprocess\nsubprocess.run(['echo', 'hello']).returncode": lambda c: "hello" in text(c),
        "import threading\nt = threading.Thread(target=print, args=('threaded',))\nt.start(); t.join()": lambda c: (
            "threaded" in text(c)
        ),
        "import http.server\nserver = http.server.ThreadingHTTPServer(('127.0.0.1', 0), "
        "http.server.SimpleHTTPRequestHandler)\nthreading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "import urllib.request\nurllib.request.urlopen(f'http://127.0.0.1:{server.server_port}/helper.py').read()": (
            lambda c: "x = 5" in shown(c)
        ),
        "from concurrent.futures import ProcessPoolExecutor\nimport multiprocessing\n"
        "with ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as pool:\n"
        "    total = sum(pool.map(abs, [-1, -2]))\ntotal": lambda c: shown(c) == "3",
        "from sklearn.ensemble import HistGradientBoostingClassifier as H\nimport numpy as np\n"
        "X = np.arange(200.0)[:, None]\nbool(H(max_iter=2).fit(X, X[:, 0] > 99).predict([[150.0]])[0])": (
            lambda c: shown(c) == "True"
        ),
    }
    cells = run(tmp_path, *sources)
    for (source, holds), cell in zip(sources.items(), cells, strict=True):
        assert cell.end is End.OK, (source, cell)
        assert holds(cell), (source, cell.outputs)


def examined(folder: Path, student: str, *tests: str, **limits) -> list[CellRun]:
    """The ends of tests (written as test cells are) of a student's cell."""
    cells = [answer("s", student), *(check(f"t{number}", 1, test) for number, test in enumerate(tests))]
    return run_notebook(nbformat.v4.new_notebook(cells=cells), folder, Limits(**limits))[1:]


def test_tests_run_where_the_students_code_is_not(tmp_path):
    student = "import builtins, os\nimport numpy.testing\nnumpy.testing.assert_equal = lambda *_: None\n"
    student += "def double(x):\n    print('called')\n    return 2 * x\nme = os.getpid()"
    right, wrong, apart = examined(
        tmp_path,
        student,
        "assert double(4) == 8",
        "import numpy.testing\nnumpy.testing.assert_equal(double(4), 9)",
        "import os\nassert me != os.getpid()",
    )
    assert (right.end, text(right)) == (End.OK, "called\n")
    assert (wrong.end, wrong.ename) == (End.ERROR, "AssertionError")
    assert apart.end is End.OK


def test_the_examiner_has_only_what_tests_need(tmp_path):
    """A fault in what reads a student's data would find no files, no privileges and no way to more."""
    (tmp_path / "secret").write_text("key")
    ruleset = "import ctypes; assert ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) > 0"
    files, rights, scratch, landlock = examined(
        tmp_path,
        "x = 1",
        f"try:\n    open('{tmp_path}/secret').read()\nexcept PermissionError:\n    pass\nelse:\n    assert False",
        "import ctypes\nlibc = ctypes.CDLL(None)\nassert libc.unshare(1 << 28) == libc.ptrace(0, 0, 0, 0) == -1\n"
        "status = open('/proc/self/status').read()\nassert 'CapEff:\\t0000000000000000' in status\n"
        "assert 'NoNewPrivs:\\t1' in status and 'Seccomp:\\t2' in status",
        "import os, tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    open(f'{folder}/a', 'w').close()\n"
        "assert os.path.commonpath([folder, os.getcwd()]) == os.getcwd()\nopen('b.txt', 'w').close()",
        ruleset,
    )
    assert (rights.end, scratch.end) == (End.OK, End.OK), (rights, scratch)
    if landlock.end is End.OK:
        assert files.end is End.OK, files


def test_a_test_that_kills_the_kernel_costs_itself(tmp_path):
    student = "import os\ndef die(): os._exit(0)\ndef loop():\n    while True: pass\ndef live(): return 1"
    ends = examined(tmp_path, student, "die()", "assert live() == 1", "loop()", "assert live() == 1", cell_seconds=2)
    assert [c.end for c in ends] == [End.CRASH, End.OK, End.TIMEOUT, End.OK]


def exercises(folder: Path, *pairs: tuple[str, str], **limits) -> list[CellRun]:
    """The ends of all cells of a notebook of exercises, each an answer and its test."""
    cells = []
    for number, (source, test) in enumerate(pairs):
        cells += [answer(f"s{number}", source), check(f"t{number}", 1, test)]
    return run_notebook(nbformat.v4.new_notebook(cells=cells), folder, Limits(**limits))


LATE = """
import os, threading, time
def first():
    def die():
        while "awaited" not in globals():
            time.sleep(0.01)
        os._exit(0)
    threading.Thread(target=die).start()
    return 1
"""


def test_a_crash_that_comes_late_is_traced_to_its_cell(tmp_path):
    """A thread of the first exercise ends the kernel in the test of the second; without that, in the third's; ..."""
    wait = "import time\ndef {0}():\n    global awaited\n    awaited = True\n    time.sleep(0.3)\n    return 1"
    rest = [(wait.format(name), f"assert {name}() == 1") for name in "bcde"]
    runs = exercises(tmp_path, (LATE, "assert first() == 1"), *rest)
    assert [run.end for run in runs] == [End.OK] * 10


def test_a_cell_is_transformed_as_the_cells_before_it_left_things(tmp_path):
    cell = (
        "get_ipython().input_transformers_post.append(\n"
        "    lambda lines: [line.replace('once', 'again') for line in lines])\nprint('once')"
    )
    first, second = run(tmp_path, cell, cell)
    assert (first.outputs[0].text, second.outputs[0].text) == ("once\n", "again\n")


def test_crashes_of_several_exercises_stay_theirs(tmp_path):
    die = "import os\ndef {}(): os._exit(1)"
    pairs = [(die.format(name), f"{name}()") for name in ("a", "b")]
    runs = exercises(tmp_path, ("def fine(): return 1", "assert fine() == 1"), *pairs, ("x = 5", "assert x == 5"))
    assert [run.end for run in runs] == [End.OK] * 3 + [End.CRASH, End.OK, End.CRASH] + [End.OK] * 2


def test_no_signal_of_its_own_ends_or_stops_the_first_process_of_a_tree(tmp_path):
    shoot = (
        "import os, signal, time\nassert os.getpid() == 1\nassert os.getpgid(0) == os.getsid(0) == 1\n"
        "for kind in signal.valid_signals() - {signal.SIGINT}:\n    os.kill(1, kind)\n    os.kill(0, kind)\n"
        "time.sleep(0.05)\nos.getppid()"
    )
    there, after = run(
        tmp_path, shoot, "import signal\nsignal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)"
    )
    assert (there.end, shown(there)) == (End.OK, "0")
    assert "SIG_DFL" in shown(after)
    assert "default_int_handler" in shown(after)


ZYGOTE_KILLED = '''
import os, pathlib, sys, threading
import test_kernel
from autograder import zygotes

name = f"orphan-{os.getpid()}"
cell = f"""
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
subprocess.run([sys.executable, "-c", "import time; time.sleep(600)", {name!r}])
"""
zygotes.start()
threading.Thread(target=test_kernel.run, args=(pathlib.Path(sys.argv[1]), cell), daemon=True).start()
test_kernel.wait_until(lambda: test_kernel.strays(name))
zygotes._current.process.kill()
test_kernel.wait_until(lambda: not test_kernel.strays(name))
print("gone", flush=True)
'''


def test_threads_that_ask_a_zygote_first_at_once_hear_the_same():
    zygote = zygotes.Zygote.own()
    try:
        zygote.start()
        ask = vars(zygotes.Zygote)["offered"].func  # from Python 3.12 on nothing else keeps threads apart
        with ThreadPoolExecutor(4) as pool:
            heard = list(pool.map(ask, [zygote] * 4))
    finally:
        zygote.close()
    assert len(set(heard)) == 1


def test_a_zygote_that_is_killed_takes_the_students_along(tmp_path):
    """Nobody is left then to end them, and they cannot ask to be spared."""
    command = [sys.executable, "-c", ZYGOTE_KILLED, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert done.stdout == "gone\n", done.stderr


IN_THE_BACKGROUND = """
import pathlib, signal, sys
import test_kernel

for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):  # as a shell and `nohup` leave them
    signal.signal(number, signal.SIG_IGN)
cell = "from signal import *\\n[getsignal(number) for number in (SIGINT, SIGQUIT, SIGHUP, SIGTERM)]"
(ran,) = test_kernel.run(pathlib.Path(sys.argv[1]), cell)
print(test_kernel.shown(ran))
"""


def test_signals_reach_a_notebook_even_where_the_grader_runs_in_the_background(tmp_path):
    command = [sys.executable, "-c", IN_THE_BACKGROUND, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert done.stdout.count("SIG_DFL") == 3, done.stderr
    assert "default_int_handler" in done.stdout


def test_a_timer_of_one_cell_does_not_go_off_in_another(tmp_path):
    wind = "import signal\nfor t in range(3): signal.setitimer(t, 0.2)"
    wait = "import time\nbegan = time.process_time()\nwhile time.process_time() < began + 0.5: pass"
    assert [cell.end for cell in run(tmp_path, wind, wait)] == [End.OK, End.OK]


def test_memory_that_children_take_later_is_charged_to_who_started_them(tmp_path):
    hog = (
        "import os, time\ndef hog():\n    for _ in range(6):\n        if os.fork() == 0:\n            time.sleep(0.2)\n"
        "            taken = bytearray(300_000_000)\n            time.sleep(600)\n    return 1"
    )
    wait = "def wait():\n    try:\n        while os.wait(): pass\n    except ChildProcessError: return 1"
    pairs = (hog, "assert hog() == 1"), (wait, "assert wait() == 1"), ("x = 5", "assert x == 5")
    runs = exercises(tmp_path, *pairs, memory=1_200_000_000)
    assert [run.end for run in runs] == [End.OK, End.MEMORY] + [End.OK] * 4


def test_a_test_may_ask_a_server_of_the_students(tmp_path):
    student = (
        "import http.server, threading\nclass Answer(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n        self.send_response(200)\n        self.end_headers()\n"
        "        self.wfile.write(b'served')\n    def log_message(self, *a): pass\n"
        "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answer)\nport = server.server_port\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()"
    )
    test = "import urllib.request\n"
    test += "assert urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=5).read() == b'served'"
    (asked,) = examined(tmp_path, student, test)
    assert asked.end is End.OK, asked


def test_forged_messages_change_no_verdict(tmp_path):
    forge = (
        "import json, os, struct\n"
        "def forge(x):\n"
        "    for fd in range(3, 30):\n"
        '        for data in (b\'{"done": {"status": "ok"}, "number": 2}\', b\'[\' * 9999, b\'\\xff\' * 50):\n'
        "            try: os.write(fd, struct.pack('<I', len(data)) + data)\n"
        "            except OSError: pass\n"
        "    return 0"
    )
    first, second = examined(tmp_path, forge, "assert forge(1) == 1", "assert forge(1) == 1", cell_seconds=3)
    assert first.end is not End.OK
    assert second.end is not End.OK


def test_many_processes_and_their_memory_are_bounded_together(tmp_path):
    bomb = (
        "import os, time\nstarted = 0\ntry:\n    while started < 1000:\n        if os.fork() == 0:\n"
        "            time.sleep(100)\n            os._exit(0)\n        started += 1\n"
        "except BlockingIOError:\n    pass\nstarted"
    )
    hogs = (
        "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        hog = bytearray(500_000_000)\n"
        "        hog[::4096] = bytes([1]) * len(hog[::4096])\n        time.sleep(100)\ntime.sleep(100)"
    )
    memory, forks, after = run(tmp_path, hogs, bomb, "1", memory=1_200_000_000, cell_seconds=30)
    assert forks.end is End.OK
    assert 10 < int(shown(forks)) < 130
    assert memory.end is End.MEMORY
    assert after.end is End.OK


def test_less_protection_needs_consent(tmp_path, monkeypatch):
    monkeypatch.setattr(zygotes.current(), "offered", ("limits",))
    with pytest.raises(CourseError, match=r"namespaces, system call filter cannot be had.*--unsafe"):
        run(tmp_path, "1")
    assert "namespaces" in kernel.warning(Limits(unsafe=True))
    name = f"stray-{os.getpid()}"
    stray = (
        "import subprocess, sys, os\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', "
        f"{name!r}], start_new_session=True)\nos.getcwd()"
    )
    there, dead = run(tmp_path, stray, "os._exit(1)", unsafe=True)
    assert (there.end, dead.end) == (End.OK, End.CRASH)
    assert eval(shown(there)) == str(tmp_path)
    assert not strays(name)


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.stdout = None",
        "import sys\nsys.stderr = sys.stdout = object()",
        "import sys\nwith open('log.txt', 'w') as sys.stdout:\n    print('x')",
        "import sys\nclass Quiet:\n    def write(self, _): pass\n    def flush(self): sys.exit()\nsys.stdout = Quiet()",
        "import sys\nsys.stdout.close()\nsys.stderr.close()",
        "import os, sys\nos.close(1)\nsys.stdout.close()",
    ],
)
def test_a_cell_may_put_away_the_streams(tmp_path, source):
    notebook = nbformat.v4.new_notebook(
        cells=[
            answer("a", f"{source}\ndef f(): return 3"),
            check("test_a", 1, "assert f() == 3"),
            answer("b", "import sys\nsys.stdout = sys.__stdout__\ng = f"),
            check("test_b", 1, "assert g() == 3"),
        ]
    )
    assert [one.end for one in run_notebook(notebook, tmp_path)] == [End.OK] * 4


def test_what_was_printed_before_the_stream_was_replaced_is_kept(tmp_path):
    one, _ = run(tmp_path, "import sys\nprint('kept')\nsys.stdout = None", "1")
    assert text(one) == "kept\n"
