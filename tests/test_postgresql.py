"""PostgreSQL as gradebook, named by ``db_url`` in ``nbgrader_config.py``: the rows that SQLite gets."""

from __future__ import annotations

import contextlib
import csv
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import classes
import pytest
from conftest import ASSIGNMENT
from nbgrader.api import Gradebook
from test_nbgrader_commands import nbgrader

from autograder.course import Course, CourseError
from autograder.gradebook import open_gradebook
from autograder.run import grade_assignment

FOLDERS = [Path(path).parent for name in ("pg_ctl", "initdb") if (path := shutil.which(name))]
FOLDERS += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
BIN = next((folder.resolve() for folder in FOLDERS if (folder / "initdb").exists()), None)


def ordinary_user() -> str | None:
    """Whom to run the server as: PostgreSQL refuses root. ``None`` for the user that we are."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("PostgreSQL does not run as root, and there is no other user here")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a new PostgreSQL server on a port of 127.0.0.1; a database's name is to be added."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed: it comes with the extra `scale`")
    if BIN is None:
        pytest.skip("no PostgreSQL server is installed on this machine")
    user = ordinary_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not below pytest's folder, which only its owner may enter
    if user:
        shutil.chown(folder, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [BIN / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]

    def call(*command: object) -> None:
        done = subprocess.run(list(map(str, command)), cwd=folder, user=user, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        call(BIN / "initdb", "-D", folder / "data", "-U", "course", "-A", "trust", "-E", "UTF8", "--no-sync")
        call(*control, "-o", options, "start")
        try:
            yield f"postgresql+psycopg://course@127.0.0.1:{port}/"
        finally:
            call(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server, request) -> str:
    """The address of an empty database of the test's own."""
    from sqlalchemy import create_engine, text

    name = f"t{abs(hash(request.node.name))}"
    engine = create_engine(server + "postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server + name


def configure(course: Course, url: str) -> None:
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write(f"\nc.CourseDirectory.db_url = {url!r}\n")


def hand_in_class(hand_in) -> None:
    hand_in("ada")
    folder = hand_in("bob", {"mean": "def mean(values):\n    return 0", "q1": 'quiz.ask("q1", "")'})
    (folder / "timestamp.txt").write_text("2030-05-01 12:00:00 UTC")
    hand_in("cy", {"count": "### BEGIN\n"})


@pytest.mark.slow
def test_the_same_rows_and_reports_as_with_sqlite(small_course, hand_in, database):
    hand_in_class(hand_in)
    grade_assignment(small_course, ASSIGNMENT, jobs=1)
    classes.run(small_course, "report", ASSIGNMENT)
    wanted = classes.outcome(small_course, ASSIGNMENT)
    (small_course.root / "gradebook.db").unlink()

    configure(small_course, database)
    assert small_course.gradebook_url == database
    classes.run(small_course, "grade", ASSIGNMENT, "--jobs", "2", "--force")
    classes.run(small_course, "report", ASSIGNMENT)
    assert classes.outcome(small_course, ASSIGNMENT) == wanted
    assert not (small_course.root / "gradebook.db").exists()

    with Gradebook(database) as book:  # what a person enters is read from there, and stays
        book.find_grade("test_mean", "exercises", ASSIGNMENT, "bob").manual_score = 1.5
        book.db.commit()
    hand_in("bob", {"mean": "def mean(values):\n    return 2"})
    grade_assignment(small_course, ASSIGNMENT, jobs=1)
    with Gradebook(database) as book:
        grade = book.find_grade("test_mean", "exercises", ASSIGNMENT, "bob")
        assert (grade.auto_score, grade.manual_score, grade.needs_manual_grade) == (2, 1.5, True)
    classes.run(small_course, "export")
    with (small_course.reports / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [row["student"] for row in csv.DictReader(file)] == ["ada", "bob", "cy"]


@pytest.mark.slow
def test_nbgraders_own_commands_write_the_same_rows_there(small_course, hand_in, database):
    hand_in_class(hand_in)
    (small_course.root / "gradebook.db").unlink()
    configure(small_course, database)
    nbgrader(small_course, "generate_assignment", ASSIGNMENT, "--force")
    nbgrader(small_course, "autograde", ASSIGNMENT)
    theirs = classes.rows(database, ASSIGNMENT)
    assert {row[0] for row in theirs} == {"ada", "bob", "cy"}
    grade_assignment(small_course, ASSIGNMENT, jobs=1, force=True)
    assert classes.rows(database, ASSIGNMENT) == theirs
    nbgrader(small_course, "generate_feedback", ASSIGNMENT)
    assert (small_course.feedback / "bob" / ASSIGNMENT).is_dir()
    assert not (small_course.root / "gradebook.db").exists()


def test_an_address_that_does_not_work_is_told(small_course):
    configure(small_course, "postgresql+psycopg://course@127.0.0.1:1/none")
    pytest.importorskip("psycopg")
    with pytest.raises(CourseError, match=r"gradebook cannot be written"), open_gradebook(small_course, ASSIGNMENT):
        pass
    configure(small_course, "postgresql+nothing://course@127.0.0.1:1/none")
    unknown = pytest.raises(CourseError, match=r"address in nbgrader_config.py cannot be used")
    with unknown, open_gradebook(small_course, ASSIGNMENT):
        pass


def test_where_the_gradebook_lies(small_course):
    here = f"sqlite:///{small_course.root}"
    assert small_course.gradebook_url == f"{here}/gradebook.db"
    configure(small_course, "sqlite:///elsewhere.db")
    assert small_course.gradebook_url == f"{here}/elsewhere.db"
    configure(small_course, "sqlite:////absolute/elsewhere.db")
    assert small_course.gradebook_url == "sqlite:////absolute/elsewhere.db"
    with (small_course.root / "nbgrader_config.py").open("a") as file:
        file.write("raise ValueError('a slip')\n")
    with pytest.raises(CourseError, match="a slip"):
        _ = small_course.gradebook_url
    assert Course(small_course.root / "nowhere").gradebook_url.endswith("/nowhere/gradebook.db")
