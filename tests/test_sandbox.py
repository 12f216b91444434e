"""The sandbox: each protection holds, the attempts that prove it can also win, and root is not needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and Landlock are Linux's")
sandbox = pytest.importorskip("autograder.sandbox")

ROOT = Path(__file__).parents[1]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def python(code: str) -> str:
    """What a fresh interpreter with one thread prints."""
    done = subprocess.run(
        [sys.executable, "-c", "import json, os, sys, tempfile\nfrom pathlib import Path\n" + code],
        capture_output=True,
        text=True,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def proven(prelude: str = "", use: str = "()") -> dict[str, tuple[bool, str]]:
    code = "from autograder import sandbox\n" + prelude
    code += f"print(json.dumps([[p.name, p.holds, p.detail] for p in sandbox._prove(Path({str(ROOT)!r}), {use})]))"
    return {name: (holds, detail) for name, holds, detail in json.loads(python(code))}


def inside(attack: str, use: str = "sandbox.ALL", work: Path | None = None) -> str:
    code = "from autograder import sandbox\nkept = tempfile.TemporaryDirectory()\n"
    code += "folder = Path(kept.name)\n(folder / 'root').mkdir()\n"
    code += f"work = {str(work)!r} and Path({str(work)!r})\n" if work else "work = None\n"
    code += "def attack():\n" + "".join(f"    {line}\n" for line in attack.splitlines())
    return python(code + f"print(sandbox.inside(sandbox.Walls(folder / 'root', work), {use}, attack))").strip()


@pytest.fixture(scope="module")
def here() -> dict[str, tuple[bool, str]]:
    found = proven()
    if "sandbox" in found:
        pytest.skip(f"this machine has no sandbox: {found['sandbox'][1]}")
    return found


def test_every_protection_holds(here):
    assert len(here) == 10
    assert {name: detail for name, (holds, detail) in here.items() if not holds} == {}


def test_every_attempt_wins_where_its_protection_is_missing():
    found = proven(use="('limits',)")
    lost = {name for name, (holds, _) in found.items() if not holds}
    assert {
        "course, gradebook and other submissions are out of sight",
        "the network ends at its own loopback",
        "other processes are out of reach",
        "the number of processes is bounded",
    } <= lost
    assert found["memory is bounded"][0]
    assert found["nothing outlives a submission"][0]  # the tree is found by its parents then


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_gets_the_same(here):
    prelude = f"sandbox._shown(); import sysconfig\nsys.path.append({str(Path(__file__).parent)!r})\n"
    prelude += "import nobody; nobody.become()\n"
    found = proven(prelude)
    if "sandbox" in found:
        pytest.skip(f"this machine gives ordinary users no sandbox: {found['sandbox'][1]}")
    assert {name: detail for name, (holds, detail) in found.items() if not holds} == {}


def test_without_namespaces_landlock_hides_the_files(tmp_path):
    (tmp_path / "secret").write_text("key")
    (tmp_path / "work").mkdir()
    attack = f"""
Path({str(tmp_path / "work")!r}, 'mine').write_text('1')
import sklearn
try:
    return Path({str(tmp_path / "secret")!r}).read_text()
except PermissionError:
    return 'hidden'
"""
    said = inside(attack, "(sandbox.LANDLOCK, sandbox.FILTER, sandbox.LIMITS)", tmp_path / "work")
    if said.startswith("there is no sandbox"):
        pytest.skip(said)
    assert said == "hidden"


def test_of_the_submission_only_plain_files_come_in(here, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1")
    (tmp_path / "link").symlink_to("/etc/shadow")
    os.mkfifo(tmp_path / "pipe")
    attack = "return repr(sorted(str(p) for p in Path('.').rglob('*'))) + Path('data/a.csv').read_text() + os.getcwd()"
    assert inside(attack, work=tmp_path) == "['data', 'data/a.csv']1" + sandbox.HOME
    (tmp_path / "data" / "b.csv").touch()  # the folder itself stays the grader's


def test_the_packages_of_a_student_are_there_and_the_graders_are_not(here):
    attack = """
import importlib.util, modelserving.datasets, autograder.quiz
gone = [n for n in ('bank', 'engine', 'kernel', 'questions') if importlib.util.find_spec('autograder.' + n)]
return repr((gone, os.listdir(os.path.dirname(autograder.quiz.__file__)) != [], os.environ.get('NOTHING')))
"""
    assert inside(attack) == "([], True, None)"


def test_every_denied_call_is_refused(here):
    attack = """
import ctypes, errno
libc, machine = ctypes.CDLL(None, use_errno=True), sandbox._machine()
said = {}
for name in sandbox._DENIED:
    libc.syscall(sandbox._CALLS[name][machine], -1, -1, -1, -1, -1, -1)
    said[name] = errno.errorcode[ctypes.get_errno()]
return repr({name: code for name, code in said.items() if code != 'EPERM'}) + str(len(said))
"""
    assert inside(attack) == "{}44"


@pytest.mark.parametrize(("machine", "header"), [(0, "x86_64-linux-gnu/asm/unistd_64.h"), (1, "asm-generic/unistd.h")])
def test_the_numbers_of_calls_are_those_of_the_kernels_headers(machine, header):
    path = Path("/usr/include", header)
    if not path.exists():
        pytest.skip(f"{path} is not installed (linux-libc-dev)")
    numbers = dict(re.findall(r"^#define __NR_(\w+)\s+(\d+)", path.read_text(), re.MULTILINE))
    wrong = {name: pair[machine] for name, pair in sandbox._CALLS.items() if numbers.get(name) != str(pair[machine])}
    assert wrong == {}


def test_a_process_with_threads_is_told_so():
    code = "import threading, time\nfrom autograder import sandbox\n"
    code += "threading.Thread(target=time.sleep, args=(3,), daemon=True).start()\n"
    code += "try: sandbox.fork()\nexcept OSError as problem: print(problem)"
    assert "threads" in python(code)
