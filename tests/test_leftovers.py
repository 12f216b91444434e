"""Temporary files of a grader that was killed: the next one removes them, and nothing of one that lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import classes
import pytest
from conftest import ASSIGNMENT
from test_kernel import strays

from autograder import leftovers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="who is gone is told by locks and process groups")

HOLD = "import sys; from autograder import leftovers; print(leftovers.folder(), flush=True); sys.stdin.read()"


def holder(folder: Path) -> tuple[subprocess.Popen, Path]:
    """A process that has asked for its folder and waits, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=os.environ | {"TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, Path(process.stdout.readline().strip())


def test_the_folder_of_a_process_that_is_gone_is_removed_and_no_other(tmp_path):
    (tmp_path / "grading-of-somebody").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    (tmp_path / "grading-notes.txt").write_text("a file")
    living, there = holder(tmp_path)
    killed, gone = holder(tmp_path)
    (gone / "work-x").mkdir()
    killed.kill()
    killed.wait()
    assert gone.exists()
    ended, own = holder(tmp_path)
    try:
        assert there.exists()
        assert own.exists()
        assert not gone.exists()
        assert {path.name for path in tmp_path.iterdir()} == {
            *(there.name, own.name),
            *("grading-of-somebody", "kept", "grading-notes.txt"),
        }
    finally:
        for process in (living, ended):
            process.communicate()
    assert not there.exists()
    assert not own.exists()


def test_a_fork_has_a_folder_of_its_own():
    reading, writing = os.pipe()
    mine = leftovers.folder()
    if (pid := os.fork()) == 0:
        os.write(writing, str(leftovers.folder()).encode())
        leftovers.remove()
        os._exit(0)
    os.waitpid(pid, 0)
    theirs = os.read(reading, 1000).decode()
    assert theirs not in ("", str(mine))
    assert mine.exists()
    assert leftovers.folder() == mine


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_run_that_is_killed_leaves_nothing_that_the_next_does_not_remove(small_course, hand_in, tmp_path, jobs):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    hand_in("ada", {"mean": "import time\ntime.sleep(30)"})
    hand_in("bob", {"mean": "import time\ntime.sleep(30)"})
    grader = classes.start(small_course, "grade", ASSIGNMENT, "--jobs", jobs, env=environment)
    deadline = time.monotonic() + 120
    while not all(list(temporary.glob(f"grading-*/{made}")) for made in ("zygote-*/root", "work-*")):
        assert time.monotonic() < deadline
        assert grader.poll() is None
        time.sleep(0.02)
    os.killpg(grader.pid, signal.SIGKILL)  # its workers as well
    grader.wait()
    assert list(temporary.glob("grading-*/work-*"))
    for name in ("ada", "bob"):
        hand_in(name)
    while strays(str(temporary)):  # a zygote ends when it sees that its grader is gone
        assert time.monotonic() < deadline
        time.sleep(0.02)
    done = classes.start(small_course, "grade", ASSIGNMENT, "--jobs", jobs, env=environment)
    assert done.wait(120) == 0
    assert list(temporary.iterdir()) == []
