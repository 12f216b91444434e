"""A class of attackers and honest people, graded together: nobody gains, nobody is harmed, nothing gets in or out.

The members stand in ``attacks/`` and ``honest/``, one file each; ``attack_class.py`` tells their format.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import attack_class
import pytest
from attack_class import Canary, Member, Run
from conftest import ASSIGNMENT

from autograder.course import Course
from autograder.run import grade_assignment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="attacks run only where they are shut in, on Linux"),
]

MEMBERS = {member.name: member for member in attack_class.members()}
ATTACKERS = [name for name, member in MEMBERS.items() if not member.honest]
HONEST = [name for name, member in MEMBERS.items() if member.honest]
POINTS = {
    **{"test_mean": 2, "test_mean_hidden": 3, "test_scale": 2, "test_count": 1, "q1": 1, "q2": 2},
    **{f"test_{name}": points for name, (points, _) in attack_class.TESTS.items()},
}
WRITTEN = ("autograded", "feedback", "reports", "gradebook.db")

TABLE = """
test cells tagged `skip-execution`
student function calls `sys.displayhook(2)`
AST or input transformer strips asserts
replaces `kernel.do_execute`
returns an object whose `__eq__` is always true; lying `__repr__`, `__len__`, `__class__`
patches `numpy.testing`, `builtins`, `assert` helpers
reads the hidden test from `In[-1]`, frames, `gc`
opens `../../../source/…`, the gradebook, another's submission
holds the database lock in a detached child
duplicated cell, old metadata, malformed JSON, wrong encoding
symlink to the instructor's files
`<script>` in Markdown or HTML output
sends data to a port on the host, or out
detached process, 100 children, fork bomb
memory bomb
30 MB in one line, 200,000 prints
endless loop, with interrupts ignored
sleeps just below the limit in every cell
`os._exit`, segfault
redefines test helpers in an added cell
correct answer, but a library warned on stderr
correct answer, cells reordered or helper cells added
""".strip().splitlines()
"""What was seen on stock nbgrader; each must have a member."""


@dataclass(frozen=True)
class Graded:
    """A course after a run, and what was seen meanwhile."""

    root: Path
    run: Run
    marker: str
    loot: Path
    heard: list[str]
    before: dict[str, str]

    def notebooks(self, name: str) -> dict[str, dict]:
        """The graded notebooks of a member, as JSON."""
        folder = self.root / "autograded" / name / ASSIGNMENT
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.ipynb"))}

    def verdicts(self, name: str) -> dict[str, dict]:
        """The verdicts on a member by graded cell."""
        result = self.run.results[name]
        return {verdict["cell"]: verdict for notebook in result["notebooks"] for verdict in notebook["verdicts"]}

    def said(self, name: str) -> str:
        """Everything that a member's code could have written: outputs, messages, notes, pages of feedback."""
        notebooks = self.notebooks(name).values()
        outputs = [cell.get("outputs") for notebook in notebooks for cell in notebook["cells"]]
        pages = sorted((self.root / "feedback" / name).rglob("*"))
        text = [json.dumps([outputs, self.run.results[name]], ensure_ascii=False)]
        return "\n".join(text + [page.read_text(encoding="utf-8") for page in pages if page.is_file()])


def tree(root: Path) -> dict[str, str]:
    """What every file of a course is, except those that grading writes."""
    found = {}
    for where, folders, files in os.walk(root):
        if Path(where) == root:
            folders[:] = [name for name in folders if name not in WRITTEN]
        for name in [*files, *folders]:
            path = Path(where, name)
            shown = os.fsencode(path.relative_to(root)).decode("utf-8", "replace")
            if path.is_symlink():
                found[shown] = f"link to {os.readlink(path)}"
            elif path.is_file():
                large = path.stat().st_size > 1 << 28
                found[shown] = str(path.stat().st_size) if large else hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                found[shown] = str(path.stat().st_mode)
    return {name: what for name, what in found.items() if not name.startswith(WRITTEN)}


def graded(members: list[Member], as_nobody: bool = False) -> Iterator[Graded]:
    """Grade some members in a course of their own, in which everything is open to every user of the machine."""
    top = Path(tempfile.mkdtemp(prefix="class-", dir="/tmp"))
    try:
        top.chmod(0o755)
        root, loot = top / "course", top / "loot"
        root.mkdir()
        loot.mkdir()
        loot.chmod(0o777)
        marker = f"hidden-key-{secrets.token_hex(12)}"
        attack_class.build_course(root, marker)
        for path in (root, root / "submitted", root / "source", root / "gradebook.db"):
            path.mkdir(exist_ok=True) if path.suffix != ".db" else None
            path.chmod(0o777)
        with Canary() as canary:
            known = attack_class.knowledge(root, canary, loot)
            for member in members:
                attack_class.hand_in(member, root, known)
            before = tree(root)
            run = attack_class.grade(root, as_nobody=as_nobody)
            yield Graded(root, run, marker, loot, canary.heard, before)
    finally:
        shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="session")
def whole() -> Iterator[Graded]:
    """Attackers and honest people together."""
    yield from graded(list(MEMBERS.values()))


@pytest.fixture(scope="session")
def quiet() -> Iterator[Graded]:
    """The honest people among themselves."""
    yield from graded([MEMBERS[name] for name in HONEST])


@contextlib.contextmanager
def class_of(names: Iterable[str]) -> Iterator[tuple[Course, Canary]]:
    """A course in which some members have handed in, and the servers that they should not reach."""
    top = Path(tempfile.mkdtemp(prefix="class-", dir="/tmp"))
    try:
        (top / "loot").mkdir()
        (top / "course").mkdir()
        attack_class.build_course(top / "course", "hidden-key")
        with Canary() as canary:
            known = attack_class.knowledge(top / "course", canary, top / "loot")
            for name in names:
                attack_class.hand_in(MEMBERS[name], top / "course", known)
            yield Course(top / "course"), canary
    finally:
        shutil.rmtree(top, ignore_errors=True)


def unfair(course: Course, name: str) -> dict[str, str]:
    """The graded cells of a member that ended otherwise than is fair."""
    ends = {}
    for path in (course.autograded / name / ASSIGNMENT).glob("*.ipynb"):
        for verdict in json.loads(path.read_text(encoding="utf-8"))["metadata"]["grading"]["verdicts"]:
            ends[verdict["cell"]] = verdict["outcome"]
    assert set(ends) == set(POINTS)
    return {cell: end for cell, end in ends.items() if end not in MEMBERS[name].fair(cell)}


# --- the catalogue ---


def test_every_row_of_the_table_has_a_member():
    assert {member.row for member in MEMBERS.values() if member.row} == set(TABLE)


def test_many_more_were_thought_of():
    assert sum(not MEMBERS[name].row for name in ATTACKERS) >= 20


def test_what_the_catalogue_says_can_be():
    from autograder.verdicts import Outcome

    for member in MEMBERS.values():
        assert set(member.verdicts) <= set(POINTS), member.name
        assert {end for ends in member.verdicts.values() for end in ends} <= set(Outcome), member.name
        source = "\n".join(typed.source for typed in member.typed)
        assert "REACHED" not in source, member.name
        if member.honest:
            assert all(len(ends) == 1 for ends in member.verdicts.values()), f"{member.name}: what is fair is one thing"


# --- each member ---


@pytest.mark.parametrize("name", MEMBERS)
def test_everybody_gets_their_due(whole: Graded, name: str):
    member, verdicts = MEMBERS[name], whole.verdicts(name)
    assert whole.run.results[name]["problem"] is None
    assert set(verdicts) == set(POINTS)
    wrong = {
        cell: (verdict["outcome"], verdict["message"])
        for cell, verdict in verdicts.items()
        if verdict["outcome"] not in member.fair(cell)
    }
    assert wrong == {}
    for cell, verdict in verdicts.items():
        full = POINTS[cell] if verdict["outcome"] == "passed" else POINTS[cell] / 2
        most = full if verdict["outcome"] in ("passed", "partly right") else 0
        assert verdict["points"] == most


@pytest.mark.parametrize("name", ATTACKERS)
def test_attackers_reach_nothing(whole: Graded, name: str):
    said = whole.said(name)
    assert re.findall(r"REACHED[^\n\"\\]{0,100}", said) == []
    assert whole.marker not in said


@pytest.mark.parametrize("name", HONEST)
def test_honest_people_are_not_harmed(whole: Graded, quiet: Graded, name: str):
    assert whole.run.results[name] == quiet.run.results[name]


# --- the class as a whole ---


def test_nothing_reaches_the_network_of_the_host(whole: Graded):
    assert whole.heard == []


def test_nothing_is_left_running(whole: Graded):
    assert whole.run.strays == []


def test_nothing_is_left_lying_about(whole: Graded):
    assert whole.run.litter == []
    assert list(whole.loot.iterdir()) == []


def test_the_course_is_as_it_was(whole: Graded):
    assert tree(whole.root) == whole.before


def test_everything_that_lies_in_the_output_is_the_graders(whole: Graded):
    for folder, allowed in (("autograded", {".ipynb"}), ("feedback", {".html"})):
        for path in (whole.root / folder).rglob("*"):
            assert not path.is_symlink(), path
            assert path.is_dir() or path.suffix in allowed, path


def test_the_gradebook_holds_the_verdicts_and_nothing_else(whole: Graded, quiet: Graded):
    tables = "select type, name, sql from sqlite_master order by name"
    with sqlite3.connect(whole.root / "gradebook.db") as book, sqlite3.connect(quiet.root / "gradebook.db") as other:
        assert book.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert book.execute(tables).fetchall() == other.execute(tables).fetchall()
        assert {row[0] for row in book.execute("select id from student")} == set(MEMBERS)
        rows = book.execute(
            "select s.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit from grade g"
            " join submitted_notebook n on g.notebook_id = n.id join submitted_assignment s on n.assignment_id = s.id"
            " join base_cell c on g.cell_id = c.id"
        ).fetchall()
    found = {(student, cell): score for student, cell, score, *_ in rows}
    expected = {(name, cell): verdict["points"] for name in MEMBERS for cell, verdict in whole.verdicts(name).items()}
    assert found == expected
    assert {(manual, extra) for *_, manual, extra in rows} == {(None, None)}


def test_pages_hold_no_script_of_a_student(whole: Graded):
    for path in (whole.root / "feedback").rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert not re.search(r"<script[^>]*>[^<]*alert", page), path
        assert not re.search(r"<[^>&]*\bon(error|load)\s*=", page), path
        assert not re.search(r"(href|src)\s*=\s*[\"']?\s*javascript:", page), path
        assert "\x1b" not in page
        assert "\0" not in page


def test_no_page_holds_a_hidden_test(whole: Graded):
    for path in [*(whole.root / "feedback").rglob("*"), *(whole.root / "reports").rglob("*")]:
        if path.is_file():
            assert whole.marker not in path.read_text(encoding="utf-8"), path


def test_outputs_are_bounded(whole: Graded):
    for name in MEMBERS:
        for path in (whole.root / "autograded" / name).rglob("*.ipynb"):
            assert path.stat().st_size < 20_000_000, path
    flood = json.dumps(whole.notebooks("floods_output"))
    assert "left out: it is too long" in flood


# --- the same by other ways in ---

REPRESENTATIVE = (
    *("equal_to_everything", "exits", "forged_metadata", "link_to_source", "locks_database", "odd_outputs"),
    *("reads_course", "sends_data", "softened_tests", "tags", "reference", "wrong_answers"),
)
"""Attacks on the file, the kernel, the course, the network and the outputs, and two honest people."""


def test_nbgraders_own_command_gives_attackers_the_same():
    with class_of(REPRESENTATIVE) as (course, canary):
        before = tree(course.root)
        command = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
        done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        assert {name: wrong for name in REPRESENTATIVE if (wrong := unfair(course, name))} == {}
        assert canary.heard == []
        assert tree(course.root) == before
        for path in course.autograded.rglob("*"):
            assert not path.is_symlink()
            assert "REACHED" not in path.read_text(errors="replace") if path.is_file() else True
        with sqlite3.connect(course.root / "gradebook.db") as book:
            rows = book.execute("select auto_score, manual_score, extra_credit from grade").fetchall()
            assert len(rows) == len(REPRESENTATIVE) * len(POINTS)
            assert {(manual, extra) for _, manual, extra in rows} == {(None, None)}


OF_A_USER = (
    *REPRESENTATIVE,
    "detached_children",
    "kills_everything",
    "memory_unseen",
    "outlives_its_parent",
    "signals",
)
"""What may matter more where the student's processes belong to the grader's own user."""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_gives_attackers_the_same():
    sandbox = pytest.importorskip("autograder.sandbox")
    for class_ in graded([MEMBERS[name] for name in OF_A_USER], as_nobody=True):
        if any(protection in class_.run.log for protection in sandbox.ALL):
            pytest.skip(f"this machine gives ordinary users no sandbox: {class_.run.log[-300:]}")
        for name in OF_A_USER:
            ends = {cell: verdict["outcome"] for cell, verdict in class_.verdicts(name).items()}
            assert {cell: end for cell, end in ends.items() if end not in MEMBERS[name].fair(cell)} == {}, name
            assert "REACHED" not in class_.said(name), name
        assert class_.heard == class_.run.strays == class_.run.litter == list(class_.loot.iterdir()) == []
        assert tree(class_.root) == class_.before


def test_a_dask_cluster_gives_attackers_the_same():
    distributed = pytest.importorskip("distributed", reason="Dask comes with the extra `scale`")
    names = ("exits", "reads_course", "sends_data", "reference")
    with (
        class_of(names) as (course, canary),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
    ):
        results = grade_assignment(course, ASSIGNMENT, dask=cluster.scheduler_address)
        assert [result.problem for result in results] == [None] * len(names)
        assert {name: wrong for name in names if (wrong := unfair(course, name))} == {}
        assert canary.heard == []
