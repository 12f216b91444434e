"""``course``: sentences and exit statuses; ``course lab`` and ``course check`` in particular."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from autograder import check, cli, lab
from autograder.course import CourseError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def taken():
    """A port on which something listens."""
    with socket.socket() as listener:
        listener.bind((lab.HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def folder(tmp_path):
    """A course folder with one lesson, as a student has it."""
    (tmp_path / "bootstrap.py").touch()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / lab.FIRST_LESSON).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    return tmp_path


def test_a_problem_is_one_sentence_and_status_2(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["release", "01"]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path} is not inside a course folder (no nbgrader_config.py there or above): go to one.\n"
    )


def test_a_file_that_may_not_be_used_is_a_sentence(monkeypatch, capsys):
    def refuse(parsed):
        raise PermissionError(13, "Permission denied", "gradebook.db")

    monkeypatch.setattr(cli, "_release", refuse)
    assert cli.main(["release", "01"]) == 2
    assert capsys.readouterr().err.startswith("gradebook.db may not be used: change its permissions")


def test_an_unknown_assignment_lists_those_there_are(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert cli.main(["grade", "77"]) == 2
    assert "this course has 01_build_a_model" in capsys.readouterr().err


@pytest.mark.parametrize("command", [name for name in cli.INSTRUCTOR if name not in ("sync", "demo", "lock")])
def test_instructors_commands_are_told_apart_in_a_students_copy(monkeypatch, capsys, command):
    monkeypatch.setattr(cli, "instructors_copy", lambda: False)
    assert cli.main([command, "01"]) == 2
    assert (
        capsys.readouterr().err == f"`course {command}` is for instructors: your copy of the course is a student's.\n"
    )


# --- lab -----------------------------------------------------------------------------------------


def test_a_port_in_use_is_told(folder, taken):
    with pytest.raises(CourseError, match=f"Port {taken} is in use"):
        lab.start(folder, port=taken)


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_port_that_is_none_is_told(folder, port):
    with pytest.raises(CourseError, match="is not a port"):
        lab.start(folder, port=port)


def test_the_next_free_port_is_taken(monkeypatch, taken):
    monkeypatch.setattr(lab, "FIRST_PORT", taken)
    monkeypatch.setattr(lab, "LAST_PORT", min(taken + 100, 65535))
    assert lab.free_port() > taken
    monkeypatch.setattr(lab, "LAST_PORT", taken)
    with pytest.raises(CourseError, match="are all in use"):
        lab.free_port()


def test_lab_needs_a_course(tmp_path):
    with pytest.raises(CourseError, match=r"holds bootstrap\.py"):
        lab.start(tmp_path)


def test_there_is_no_browser_without_a_display(monkeypatch):
    monkeypatch.setattr(lab.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not lab.has_browser()


def interruptible() -> None:
    """In a new process: Ctrl+C is heard, also when whoever runs the tests ignores it, as a shell's background does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.slow
def test_lab_opens_at_the_first_lesson_and_asks_nobody_outside(folder):
    """The real JupyterLab, with a broken configuration of the user's own, which must not matter."""
    home = folder / "home"
    (home / ".jupyter").mkdir(parents=True)
    (home / ".jupyter" / "jupyter_server_config.py").write_text(
        "raise SystemExit('the configuration of another project')"
    )
    environment = {**os.environ, "HOME": str(home), "DISPLAY": "", "WAYLAND_DISPLAY": "", "PYTHONPATH": "/nowhere"}
    environment.pop("JUPYTER_CONFIG_DIR", None)
    command = [sys.executable, "-m", "autograder.cli", "lab"]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    ) as server:
        try:
            address = next(line.strip() for line in server.stdout if "http" in line)
            assert re.fullmatch(
                r"http://127\.0\.0\.1:\d+/lab/tree/notebooks/00_start_here\.ipynb\?token=\w{48}", address
            )
            with urllib.request.urlopen(address) as answer:
                page = answer.read().decode()
        finally:
            server.send_signal(signal.SIGINT)
            try:
                _, errors = server.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()  # or leaving the `with` would wait for it
                raise
    config = json.loads(
        re.search(r'id="jupyter-config-data" type="application/json">\s*(\{.*?\})\s*</script>', page, re.S)[1]
    )
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
    assert config["extensionManager"]["can_install"] is False
    assert "Traceback" not in errors
    assert (folder / ".jupyter" / "labconfig" / "page_config.json").exists()


# --- check ---------------------------------------------------------------------------------------


def states(findings) -> list[str]:
    return [finding.state for finding in findings]


def test_check_compares_installed_packages_with_the_lock(tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("numpy==0.0.1 \\\n    --hash=sha256:00\nno-such-thing==1.0\n")
    finding = check.packages(lock)
    assert finding.state == "bad"
    assert re.search(
        r"2 packages differ from the lock, numpy \S+ \(wanted 0\.0\.1\), no-such-thing missing", finding.text
    )
    assert check.INSTALL in finding.text
    assert check.packages(ROOT / "requirements.txt").state == "ok"


def test_check_misses_lessons_and_questions(folder):
    assert check.lessons(folder).state == "ok"
    (folder / lab.FIRST_LESSON).write_text('Quiz("questions/00_start_here.json")')
    assert "questions/00_start_here.json is missing" in check.lessons(folder).text
    (folder / lab.FIRST_LESSON).unlink()
    assert check.lessons(folder).state == "bad"


def test_check_says_what_a_library_that_does_not_load_needs(monkeypatch):
    monkeypatch.setattr(check, "USED", ("numpy", "no_such_library"))
    (finding,) = check.imports()
    assert finding.state == "bad"
    assert "no_such_library cannot be loaded" in finding.text


def test_status_counts_what_is_bad_only(monkeypatch, folder):
    said = []
    found = [check.Finding("ok", "good"), check.Finding("note", "optional")]
    monkeypatch.setattr(check, "findings", lambda root: iter(found))
    assert check.check(folder, said.append) == 0
    assert said == ["ok   good", "note optional"]
    found.append(check.Finding("bad", "mend this"))
    assert check.check(folder, said.append) == 1


def test_a_missing_program_is_a_note(monkeypatch):
    monkeypatch.setattr(check.shutil, "which", lambda name: None)
    assert check.program("Chromium", ("chromium",), "browser tests are skipped").state == "note"
