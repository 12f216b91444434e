"""Reports: what students and the instructor read, what must never be in them, and nbgrader's own feedback command."""

from __future__ import annotations

import base64
import csv
import html
import html.parser
import io
import re
import shutil
import subprocess
import sys
import tomllib
import zlib
from pathlib import Path

import nbformat
import pytest
from building import answer, cell, check, question
from nbformat.v4 import new_notebook, new_output

from autograder import bank, classview, export, showing
from autograder.course import Course, CourseError, tools_on_path
from autograder.quiz.answers import read_answer
from autograder.report import class_table, write_reports
from autograder.results import StudentReport
from autograder.scoring import score_answer
from autograder.verdicts import NotebookResult, Outcome, Verdict

ASSIGNMENT = "01_build_a_model"
HIDDEN = "assert the_hidden_test_itself(7) == 49"
SCRIPT = "<script>alert('owned')</script>"
BANK = """
title = "A quiz"
use = "graded"
pass_mark = 0.75

[[question]]
id = "q1"
kind = "all"
points = 2
text = "Which of **these** serve?"
[[question.option]]
text = "A model"
right = true
feedback = "reason-A: training gives the model."
[[question.option]]
text = "An `interpreter`"
right = true
feedback = "reason-B: it runs the model."
[[question.option]]
text = "An orchestrator"
right = false
feedback = "reason-C: see *Take parts away*."

[[question]]
id = "q2"
kind = "one"
points = 2
text = "What happens in time?"
[[question.option]]
text = "It adapts"
right = false
feedback = "reason-D: nothing trains it."
[[question.option]]
text = "It grows stale"
right = true
feedback = "reason-E: monitor it."
"""


QUESTIONS = bank._bank(tomllib.loads(BANK)).questions


def png(width: int = 2, height: int = 2) -> str:
    """A small grey picture in base64; with large sizes only its header says so."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    rows = b"".join(b"\x00" + b"\x80" * min(width, 100) for _ in range(min(height, 100)))
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    picture = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + picture).decode()


def exercises(code: str = "", outputs=()) -> nbformat.NotebookNode:
    return new_notebook(
        cells=[
            cell("markdown", "# Exercises\n\nText.", "intro"),
            cell("code", "import numpy", "imports"),
            cell("markdown", "## 1. Features *without* a leak", "h1"),
            answer("features", code or "### BEGIN SOLUTION\nx = 1\n### END SOLUTION", outputs),
            check("test_features", 2, "assert x"),
            check("test_features_hidden", 3, "", HIDDEN),
            cell("markdown", "## 2. Split in time", "h2"),
            answer("split", "y = 2"),
            check("test_split", 1, "assert y"),
        ]
    )


def quiz() -> nbformat.NotebookNode:
    return new_notebook(cells=[cell("markdown", "# Quiz", "head"), question("q1", 2), question("q2", 2)])


TITLES = {
    "test_features": "1. Features without a leak: visible tests",
    "test_features_hidden": "1. Features without a leak: hidden tests",
    "test_split": "2. Split in time",
}


def judged(cell: str, outcome: Outcome, points: float, most: float, message: str = "") -> Verdict:
    return Verdict(cell, "test", TITLES.get(cell, cell), outcome, points, most, message)


def quiz_verdicts(first: str, second: str) -> list[Verdict]:
    """Verdicts as the project's own scoring gives them."""
    return [
        score_answer(q, read_answer(f'quiz.ask("{q.id}", "{letters}")', q.id))
        for q, letters in zip(QUESTIONS, (first, second), strict=True)
    ]


def put(course: Course, student: str, notebook: nbformat.NotebookNode, name: str, verdicts=None, notes=()) -> None:
    """Write an autograded notebook as the engine leaves it."""
    if verdicts is not None:
        notebook.metadata["grading"] = NotebookResult(name, tuple(verdicts), tuple(notes)).to_dict()
    path = course.autograded / student / ASSIGNMENT / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def all_right() -> list[Verdict]:
    return [
        judged("test_features", Outcome.PASSED, 2, 2),
        judged("test_features_hidden", Outcome.PASSED, 3, 3),
        judged("test_split", Outcome.PASSED, 1, 1),
    ]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course of two notebooks: ada has all right, bob fails here and there, cy has handed in one notebook only."""
    course = Course(tmp_path / "course")
    banks = course.root / "autograder" / "questions"
    banks.mkdir(parents=True)
    (banks / f"{ASSIGNMENT}.toml").write_text(BANK)
    (course.source / ASSIGNMENT).mkdir(parents=True)
    nbformat.write(exercises(), course.source / ASSIGNMENT / "exercises.ipynb")
    nbformat.write(quiz(), course.source / ASSIGNMENT / "quiz.ipynb")
    put(course, "ada", exercises("def features(flights):\n    return flights"), "exercises", all_right())
    put(course, "ada", quiz(), "quiz", quiz_verdicts("AB", "B"))
    failed = [
        judged("test_features", Outcome.FAILED, 0, 2, "Expected shape (3, 2).\nGot (3, 1)."),
        judged("test_features_hidden", Outcome.ERROR, 0, 3, f"ValueError: {SCRIPT}"),
        judged("test_split", Outcome.PASSED, 1, 1),
    ]
    figure = new_output(
        "display_data",
        data={"image/png": png(), "text/html": SCRIPT, "text/plain": "a rising curve", "application/javascript": "x()"},
    )
    outputs = [
        new_output("stream", name="stdout", text=f"\x1b[31mred\x1b[0m {SCRIPT}\n"),
        figure,
        new_output(
            "error",
            ename="ValueError",
            evalue="no",
            traceback=["-----", "Traceback (most recent call last)", "Cell \x1b[32mIn[3], line 1\x1b[0m\n----> 1 f()",
                       "File /usr/lib/python/secret_place.py:3, in g()", "ValueError: no"],
        ),
    ]  # fmt: skip
    put(course, "bob", exercises(f"print('{SCRIPT}')", outputs), "exercises", failed, ["The file was `x (1).ipynb`."])
    put(course, "bob", quiz(), "quiz", quiz_verdicts("AC", "A"))
    put(course, "cy", exercises(), "exercises", all_right())
    return course


def page(course: Course, student: str, name: str = "report") -> str:
    return (course.feedback / student / ASSIGNMENT / f"{name}.html").read_text(encoding="utf-8")


def words(text: str) -> str:
    """What a reader of the page sees: its text without tags, which also part the words of code."""
    return html.unescape(re.sub("<[^>]+>", "", text))


class Outline(html.parser.HTMLParser):
    """Tags, headings, ids, link targets and images of a page."""

    VOID = frozenset({"meta", "img", "rect", "line", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.levels: list[int] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"


def assert_accessible(text: str) -> None:
    outline = Outline(text)
    assert outline.open == []
    assert '<html lang="en-GB">' in text
    assert re.search(r"<title>[^<]{10,}</title>", text)
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False)), outline.levels
    ids = [a["id"] for _, a in outline.attributes if "id" in a]
    assert len(ids) == len(set(ids)), "ids are unique"
    for tag, attributes in outline.attributes:
        if tag == "img":
            assert attributes["alt"].startswith("figure produced by your cell ")
            assert attributes["src"].startswith("data:image/")
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("role") == "img"
        for name in ("aria-labelledby",):
            assert all(i in ids for i in (attributes.get(name) or "").split()), f"{name} leads to an element"
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
        assert not any(a.startswith("on") for a in attributes), "no event handlers"
    links = [a["href"] for t, a in outline.attributes if t == "a"]
    assert links[0] == "#main", "the skip link comes first"
    assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & set(outline.tags)
    assert "http:" not in text
    assert "https:" not in text


def test_student_pages_are_accessible_and_self_contained(course: Course):
    write_reports(course, "01")
    for student in ("ada", "bob", "cy"):
        for name in ("report", "exercises", "quiz"):
            assert_accessible(page(course, student, name))
    assert_accessible((course.reports / f"{ASSIGNMENT}.html").read_text())


def test_scores_and_marks(course: Course):
    ada, bob, cy = write_reports(course, "01")
    assert (ada.points, ada.max_points, ada.passed) == (10, 10, True)
    assert (bob.points, bob.max_points, bob.passed) == (1, 10, False)
    assert (cy.points, cy.max_points, cy.passed) == (6, 10, False)  # the quiz is missing, not left out of the sum
    assert ada.notebooks[1].pass_mark == 0.75
    assert "<code>quiz.ipynb</code> was not handed in." in page(course, "cy")
    assert "<strong>100 %</strong>" in page(course, "ada")
    assert "The file was <code>x (1).ipynb</code>." in page(course, "bob")
    assert "Expected shape (3, 2).\nGot (3, 1)." in page(course, "bob")
    assert ">1. Features without a leak</h3>" in page(course, "bob")
    assert "<h4>hidden tests</h4>" in page(course, "bob")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_word_and_sign(course: Course, outcome: Outcome):
    verdicts = [judged("test_split", outcome, 0.5, 1, f"why it is {outcome.name}")]
    put(course, "bob", exercises(), "exercises", verdicts)
    write_reports(course, "01")
    text = page(course, "bob")
    badge = f'<span class="sign" aria-hidden="true">{showing.SYMBOLS[outcome]}</span>{outcome.value}</span>'
    assert text.count(badge) >= 2  # in the list at the top and at the question
    assert f"why it is {outcome.name}" in text
    assert outcome.value in (course.reports / f"{ASSIGNMENT}.csv").read_text()
    assert outcome.value in (course.reports / f"{ASSIGNMENT}.html").read_text()


def test_signs_differ():
    assert len(set(showing.SYMBOLS.values())) == len(Outcome)


def test_nothing_of_the_key_before_a_pass(course: Course):
    write_reports(course, "01")
    text = page(course, "bob") + page(course, "bob", "quiz")  # picked A and C, then A
    assert "reason-A" in text
    assert "reason-C" in text
    assert "reason-D" in text
    assert "reason-B" not in text
    assert "reason-E" not in text
    assert text.count("picked, right") == 2  # twice A: the two pages
    assert text.count("picked, wrong") == 4
    assert "not picked, but right" not in text
    assert "left out, rightly" not in text
    everything = page(course, "cy") + page(course, "cy", "quiz")
    assert "reason-" not in everything


def test_everything_after_a_pass_or_with_final(course: Course):
    write_reports(course, "01")
    assert all(f"reason-{c}" in page(course, "ada") for c in "ABCDE")
    write_reports(course, "01", final=True)
    text = page(course, "bob")
    assert all(f"reason-{c}" in text for c in "ABCDE")
    assert "not picked, but right" in text


def test_a_broken_bank_is_told(course: Course):
    (course.root / "autograder" / "questions" / f"{ASSIGNMENT}.toml").write_text("title =")
    with pytest.raises(CourseError, match="not valid TOML"):
        write_reports(course, "01")


def test_no_test_source_and_no_markup_from_a_submission(course: Course):
    write_reports(course, "01")
    for path in course.feedback.rglob("*.html"):
        text = path.read_text()
        assert "the_hidden_test_itself" not in text
        assert "HIDDEN TESTS" not in text
        assert "assert" not in words(text)
        assert "<script" not in text.lower()
        assert "\x1b" not in text
        assert "/usr/lib/python/secret_place.py" not in text
        assert "quiz.ask" not in words(text)
    text = page(course, "bob")
    assert text.count("&lt;script&gt;") >= 3  # message, source, output: shown as text
    assert "Cell In[3], line 1\n----&gt; 1 f()" in text
    assert 'alt="figure produced by your cell 2"' in text
    assert "a rising curve" in text


def test_a_notebook_that_nobody_asked_for_brings_no_points(course: Course):
    forged = [judged("bonus", Outcome.PASSED, 100, 1)]
    put(course, "bob", exercises(), "bonus", forged)
    assert write_reports(course, "01")[1].points == 1
    assert not (course.feedback / "bob" / ASSIGNMENT / "bonus.html").exists()


def test_not_graded_yet(course: Course):
    put(course, "bob", exercises(), "exercises")
    bob = write_reports(course, "01")[1]
    assert not bob.graded
    assert not bob.passed
    assert "has not been graded yet" in page(course, "bob")
    assert "not graded" in class_table([bob], width=100)


def test_what_the_grader_could_not_grade_is_listed(course: Course):
    (course.submitted / "dan" / ASSIGNMENT).mkdir(parents=True)
    dan = write_reports(course, "01")[3]
    assert (dan.student, dan.graded, dan.max_points) == ("dan", False, 10)
    assert rows(course)[3]["passed"] == "not graded"
    assert "has not been graded yet" in page(course, "dan", "quiz")


def test_a_reason_is_told_once(course: Course):
    reason = "`exercises.ipynb` is not a notebook: it is a PDF document."
    verdicts = [judged(v.cell, Outcome.UNREADABLE, 0, v.max_points, reason) for v in all_right()]
    put(course, "bob", exercises(), "exercises", verdicts, [reason])
    write_reports(course, "01")
    assert page(course, "bob").count("it is a PDF document") == 1


def test_one_reason_for_several_tests_of_a_cell_is_told_once(course: Course):
    verdicts = [judged(v.cell, Outcome.NOT_ATTEMPTED, 0, v.max_points, "left as it was") for v in all_right()]
    put(course, "bob", exercises(), "exercises", verdicts)
    write_reports(course, "01")
    assert page(course, "bob").count("left as it was") == 2  # two exercises with three tests


def test_a_cell_left_as_it_was_is_not_shown_as_code(course: Course):
    notebook = exercises("raise NotImplementedError  # the stub")
    notebook.metadata["unanswered"] = ["features"]
    put(course, "bob", notebook, "exercises", all_right())
    write_reports(course, "01")
    assert "the stub" not in page(course, "bob")


def test_nothing_graded_is_one_sentence(course: Course):
    with pytest.raises(CourseError, match="Nothing of 01_build_a_model is graded yet"):
        write_reports(Course(_without_submissions(course)), "01")


def _without_submissions(course: Course) -> Path:
    course.autograded.rename(course.root / "elsewhere")
    return course.root


def test_same_in_same_out(course: Course):
    def written() -> dict[str, bytes]:
        write_reports(course, "01")
        files = [*course.feedback.rglob("*"), *course.reports.rglob("*")]
        return {str(p): p.read_bytes() for p in files if p.is_file()}

    first = written()
    assert first == written()
    assert len(first) == 3 * 3 + 2


def test_a_link_is_replaced_and_not_followed(course: Course, tmp_path: Path):
    treasure = tmp_path / "treasure"
    treasure.write_text("gold")
    folder = course.feedback / "ada" / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / "report.html").symlink_to(treasure)
    (course.autograded / "ada" / ASSIGNMENT / "timestamp.txt").symlink_to(treasure)
    write_reports(course, "01")
    assert treasure.read_text() == "gold"
    assert not (folder / "timestamp.txt").exists()


# --- text from strangers ---------------------------------------------------------------------------------------


def test_terminal_codes_and_odd_characters_go():
    hostile = (
        "\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ a\x00b\x08c \ud800 \u202etxt"
    )
    shown = showing.plain(hostile)
    assert shown == "red link a\ufffdb\ufffdc \ufffd ⟨U+202E⟩txt"
    assert showing.plain("10 %\r50 %\r100 %\nnext\r\nlast\r") == "100 %\nnext\nlast"
    assert showing.plain("café 🧑‍🚀 שלום\tend") == "café 🧑‍🚀 שלום\tend"


@pytest.mark.parametrize("piece", ["x", "x\n", "\x1b[31m", "\x1b]", "\r", "\U0001f600", "<&>"])
def test_ten_million_characters_are_capped(piece: str):
    shown = showing.plain(piece * (10_000_000 // len(piece)))
    assert len(shown) < showing.MESSAGE_LIMIT + 100
    assert shown.count("\n") <= showing.LINE_LIMIT
    assert "… shortened:" in shown


def test_a_report_of_a_flood_stays_small(course: Course):
    flood = [new_output("stream", name="stdout", text="y" * 1_000_000) for _ in range(3)]
    flood += [new_output("display_data", data={"text/plain": "z"}) for _ in range(1_000)]
    verdicts = [judged("test_features", Outcome.FAILED, 0, 1, "m" * 10_000_000)]
    put(course, "bob", exercises("# " + "c" * 1_000_000, flood), "exercises", verdicts)
    write_reports(course, "01")
    text = page(course, "bob")
    assert len(text) < 120_000
    assert "981 more outputs are not shown." in text  # the pieces of one stream are one output
    assert "characters are shown." in text


def test_odd_unicode_is_written_everywhere(course: Course):
    odd = "\ud83d lone, \u202e turned, \x1b[2J cleared, \x00 null, Z\u0341\u0342\u0343 <b>"
    verdicts = [Verdict("test_split", "test", odd, Outcome.FAILED, 0, 1, odd)]
    notebook = exercises()
    notebook.metadata["grading"] = NotebookResult("exercises", tuple(verdicts), (odd,)).to_dict()
    path = course.autograded / "bob" / ASSIGNMENT / "exercises.ipynb"
    path.write_text(_ascii_json(notebook))
    reports = write_reports(course, "01")
    assert "lone" in page(course, "bob")
    assert "\x1b" not in class_table(reports)


def _ascii_json(notebook: nbformat.NotebookNode) -> str:
    import json

    return json.dumps(notebook)  # \ud83d is legal JSON, and what a broken editor writes


def test_figures_are_checked():
    def one(data: dict[str, str]) -> showing.Output:
        return showing.outputs([new_output("display_data", data=data)], 4)[0]

    good = one({"image/png": png(), "text/plain": "<Figure size 640x480 with 1 Axes>"})
    assert (good.kind, good.alt, good.text) == ("figure", "figure produced by your cell 4", "")
    assert one({"image/png": '" onerror="alert(1)'}).kind == "note"
    assert one({"image/png": base64.b64encode(b"<svg onload=alert(1)>").decode()}).kind == "note"
    assert one({"image/png": png(100_000, 100_000)}).kind == "note"
    assert one({"image/svg+xml": "<svg/>", "text/plain": "a drawing"}) == showing.Output("text", "a drawing")
    two = showing.outputs([new_output("display_data", data={"image/png": png()})] * 2, 4)
    assert [o.alt for o in two] == [
        "figure produced by your cell 4 (1 of 2)",
        "figure produced by your cell 4 (2 of 2)",
    ]


def test_code_is_escaped_whatever_it_holds():
    shown = showing.code(f"x = '{SCRIPT}'  # <b>\n\x1b[31m")
    assert "<script" not in shown
    assert "<b>" not in shown
    assert set(re.findall(r"<(/?\w+)", shown)) == {"span", "/span"}


def test_per_cent_is_never_rounded_up_to_a_mark():
    assert showing.percent(0.7999) == "79.9"
    assert showing.percent(0.8) == "80.0"
    assert showing.percent(29 / 100 + 51 / 100) == "80.0"
    assert showing.percent(2 / 3) == "66.6"
    assert showing.percent(1.0) == "100.0"


# --- the class -------------------------------------------------------------------------------------------------


def rows(course: Course) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((course.reports / f"{ASSIGNMENT}.csv").read_text())))


def test_class_csv(course: Course):
    write_reports(course, "01")
    ada, bob, cy = rows(course)
    assert ada["student"] == "ada"
    assert (ada["total"], ada["maximum"], ada["per cent"], ada["passed"]) == ("10", "10", "100", "yes")
    assert (bob["exercises points"], bob["quiz points"], bob["passed"]) == ("1", "0", "no")
    assert bob["exercises/test_features_hidden"] == "error in your code"
    assert cy["quiz/q1"] == "not attempted"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "  =", "＝", "\x00="])
def test_no_cell_of_the_csv_is_a_formula(course: Course, start: str):
    cell = classview.safe_cell(f'{start}HYPERLINK(1)\n,"x')
    read = next(csv.reader(io.StringIO(classview.csv_text([[f'{start}HYPERLINK(1)\n,"x', 1.5, -2.0]]))))
    assert read == [cell, "1.5", "-2"]
    assert cell[0] in "'\ufffd"


def test_students_with_dangerous_names(course: Course):
    for name in ("=cmd|calc!A0", 'a,b"c', "<img src=x>"):
        put(course, name, exercises(), "exercises", all_right())
    reports = write_reports(course, "01")
    assert {r["student"] for r in rows(course)} == {"'=cmd|calc!A0", 'a,b"c', "<img src=x>", "ada", "bob", "cy"}
    overview = (course.reports / f"{ASSIGNMENT}.html").read_text()
    assert "<img" not in overview
    assert "../feedback/%3Cimg%20src%3Dx%3E/01_build_a_model/report.html" in overview
    assert len(reports) == 6


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_class_table_fits_and_is_aligned(course: Course, width: int):
    put(course, "宇宙飛行士", exercises(), "exercises", all_right())
    text = class_table(write_reports(course, "01"), width=width)
    assert all(showing.columns(line) <= width for line in text.splitlines()), text
    students = text.split("\n\n")[1].splitlines()
    starts = {showing.columns(line[: line.rindex(" ")]) for line in students}
    assert len(starts) == 1  # the last column begins at one place, wide characters or not
    assert "4 submissions, 1 passed" in text
    assert "hardest" in text
    assert "25%" in text  # one of four has q1 right


def test_questions_of_the_class_table(course: Course):
    text = class_table(write_reports(course, "01"), width=140)
    marked_lines = [line for line in text.splitlines() if "hardest" in line]
    assert all("33%" in line for line in marked_lines)
    assert {line.split()[0] for line in marked_lines} == {"q1", "q2"}
    assert "Features without a leak" in text  # titles where there is room
    assert "Features" not in class_table(write_reports(course, "01"), width=80)


def test_histogram_counts_each_score_once():
    assert classview.histogram([0, 0.1, 0.3, 0.7999, 0.8, 1.0, 1.1, 0.1 + 0.2]) == [1, 1, 0, 2, 0, 0, 0, 1, 1, 2]


def test_overview_has_plots_with_words(course: Course):
    write_reports(course, "01")
    text = (course.reports / f"{ASSIGNMENT}.html").read_text()
    assert text.count("<svg") == 2
    assert text.count("<title") == 3
    assert "10 to 20: 1." in text
    assert "test_features_hidden: passed 2, error in your code 1." in text


# --- gradebook -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gradebook_file(tmp_path_factory) -> Path:
    """A gradebook with automatic scores: ada has all points, bob none, dora has handed in nothing."""
    from nbgrader.api import Gradebook

    tools_on_path()
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}", "model-serving") as book:
        book.add_student("ada", first_name="Ada", last_name="Lovelace", email="ada@example.org")
        book.add_student("bob", first_name="=Bob")
        book.add_student("dora", first_name="Dora")
        book.add_assignment(ASSIGNMENT)
        for name, notebook in (("exercises", exercises()), ("quiz", quiz())):
            book.add_notebook(name, ASSIGNMENT)
            for cell in notebook.cells:
                about = cell.metadata.get("nbgrader", {})
                if about.get("grade"):
                    points = about["points"]
                    book.add_grade_cell(about["grade_id"], name, ASSIGNMENT, max_score=points, cell_type="code")
                if about.get("solution"):
                    book.add_solution_cell(about["grade_id"], name, ASSIGNMENT)
        for student, share in (("ada", 1), ("bob", 0)):
            book.add_submission(ASSIGNMENT, student)
            for name in ("exercises", "quiz"):
                for grade in book.find_submission_notebook(name, ASSIGNMENT, student).grades:
                    grade.auto_score = share * grade.max_score
        book.db.commit()
    return path


@pytest.fixture
def gradebook(course: Course, gradebook_file: Path):
    """The gradebook of ``course``, open."""
    from nbgrader.api import Gradebook

    shutil.copy(gradebook_file, course.root / "gradebook.db")
    with Gradebook(course.gradebook_url, "model-serving") as book:
        yield book


def test_what_people_added_counts(course: Course, gradebook):
    grade = gradebook.find_grade("test_features_hidden", "exercises", ASSIGNMENT, "bob")
    grade.manual_score, grade.extra_credit = 2.5, 0.5
    comment = gradebook.find_comment("features", "exercises", ASSIGNMENT, "bob")
    comment.manual_comment = "Good idea,\nbut <b>see</b> exercise 2."
    gradebook.find_submission_notebook("exercises", ASSIGNMENT, "ada").late_submission_penalty = 3
    gradebook.db.commit()
    ada, bob, _ = write_reports(course, "01")
    assert bob.points == 4
    assert "Marked by a person; automatic marking gave 0." in page(course, "bob")
    assert "Good idea,\nbut &lt;b&gt;see&lt;/b&gt; exercise 2." in page(course, "bob")
    assert ada.name == "Ada Lovelace"
    assert (ada.points, ada.passed) == (7, False)
    assert "3 points were taken off because the work came in late." in page(course, "ada")
    assert "Not handed in: dora." in (course.reports / f"{ASSIGNMENT}.html").read_text()


def test_a_manual_pass_of_the_quiz_reveals(course: Course, gradebook):
    for name in ("q1", "q2"):
        gradebook.find_grade(name, "quiz", ASSIGNMENT, "bob").manual_score = 2
    gradebook.db.commit()
    write_reports(course, "01")
    assert "reason-E" in page(course, "bob")


def test_export(course: Course, gradebook):
    gradebook.find_submission_notebook("exercises", ASSIGNMENT, "ada").late_submission_penalty = 3
    gradebook.db.commit()
    path = export.export(course)
    ada, bob, dora = csv.DictReader(io.StringIO(path.read_text()))
    assert (ada["last name"], ada[f"{ASSIGNMENT} points"], ada[f"{ASSIGNMENT} passed"]) == ("Lovelace", "7", "no")
    assert bob["first name"] == "'=Bob"
    assert bob[f"{ASSIGNMENT} per cent"] == "0"
    assert dora[f"{ASSIGNMENT} points"] == ""
    assert dora[f"{ASSIGNMENT} maximum"] == "10"
    assert path.read_bytes() == export.export(course, "01").read_bytes()


def test_export_without_a_gradebook(course: Course):
    with pytest.raises(CourseError, match="no gradebook yet"):
        export.export(course)
    assert not Path(course.root / "gradebook.db").exists()


def test_a_broken_gradebook_is_one_sentence(course: Course):
    (course.root / "gradebook.db").write_text("this is no database, whatever its name says")
    with pytest.raises(CourseError, match=r"gradebook cannot be read .*not a database"):
        write_reports(course, "01")


# --- nbgrader's own commands -----------------------------------------------------------------------------------

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "model-serving"
c.GenerateFeedback.exporter_class = "autograder.report.FeedbackExporter"
c.GenerateFeedback.preprocessors = []
c.GenerateFeedback.pre_convert_hook = "autograder.report.only_expected"
c.GenerateFeedback.post_convert_hook = "autograder.report.only_pages"
c.ExportApp.plugin_class = "autograder.export.CourseExport"
"""


def nbgrader(course: Course, *arguments: str) -> None:
    """Run nbgrader in the course folder, as an instructor would."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    run = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_nbgrader_generate_feedback_writes_the_same_pages(course: Course, gradebook):
    project = (Path(__file__).parent.parent / "nbgrader_config.py").read_text()
    for line in CONFIG.strip().splitlines()[2:]:
        assert line in project, "the course's own configuration says the same"
    (course.root / "nbgrader_config.py").write_text(CONFIG)
    put(course, "bob", exercises(), "bonus", [judged("bonus", Outcome.PASSED, 100, 1)])
    (course.autograded / "bob" / ASSIGNMENT / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    (course.autograded / "bob" / ASSIGNMENT / "evil.html").write_text(SCRIPT)
    (course.autograded / "bob" / ASSIGNMENT / "more").mkdir()
    (course.autograded / "bob" / ASSIGNMENT / "more" / "evil.svg").write_text(SCRIPT)
    write_reports(course, "01")
    ours = {p.name: p.read_bytes() for p in (course.feedback / "bob" / ASSIGNMENT).iterdir()}
    assert "timestamp.txt" in ours
    nbgrader(course, "generate_feedback", ASSIGNMENT, "--force")
    theirs = {p.name: p.read_bytes() for p in (course.feedback / "bob" / ASSIGNMENT).iterdir()}
    assert theirs == ours  # and nothing that the submission brought along
    assert (course.feedback / "cy" / ASSIGNMENT / "exercises.html").is_file()  # not even in the gradebook


def test_nbgrader_export_uses_our_exporter(course: Course, gradebook):
    (course.root / "nbgrader_config.py").write_text(CONFIG)
    nbgrader(course, "export", "--to", "mine.csv")
    assert (course.root / "mine.csv").read_bytes() == export.export(course).read_bytes()


# --- in a browser ----------------------------------------------------------------------------------------------

CONTRAST = """
() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const weigh = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const light = c => weigh(parse(c));
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if ((parse(c)[3] ?? 1) > 0) return c; } return null; };
  const poor = [];
  for (const e of document.querySelectorAll('main *:not(svg *)')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
    const below = ground(e);
    if (below === null) { poor.push('no opaque ground: ' + e.textContent); continue; }
    const [a, b] = [light(getComputedStyle(e).color), light(below)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push(ratio.toFixed(2) + ' ' + e.textContent.slice(0, 40));
  }
  return poor;
}
"""


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    chromium = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), None)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with api.sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(executable_path=chromium, args=flags)
        except api.Error as problem:
            pytest.skip(f"Chromium does not start here: {str(problem).splitlines()[0]}")
        yield running
        running.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_in_a_browser(course: Course, browser, scheme: str, width: int):
    verdicts = [judged(f"t{i}", outcome, 0, 1, "w" * 300) for i, outcome in enumerate(Outcome)]
    put(course, "eve", exercises("x = 'a'  # why\ndef f(): return 1"), "exercises", verdicts)
    put(course, "eve", quiz(), "quiz", quiz_verdicts("A", "B"))
    write_reports(course, "01")
    paths = [course.feedback / s / ASSIGNMENT / "report.html" for s in ("ada", "bob", "eve")]
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else said.append(request.url))
    for path in [*paths, course.reports / f"{ASSIGNMENT}.html"]:
        tab.goto(path.as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert tab.evaluate(CONTRAST) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling of the page"
        assert tab.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "main"
    context.close()
    assert said == []


def test_a_report_knows_its_marks():
    empty = StudentReport("x", "x", ASSIGNMENT, ())
    assert empty.share == 1.0


# --- through the grader ----------------------------------------------------------------------------------------


def test_from_submission_to_report(small_course: Course, hand_in):
    from autograder.run import grade_assignment

    hand_in("ada")
    hand_in(
        "bob",
        {
            "mean": "def mean(values):\n    print('adding up')\n    return sum(values)",
            "scale": "def scale(values, top):\n    return values / top",
            "q1": 'quiz.ask("q1", "A")',
            "q2": 'quiz.ask("q2", "B")',
        },
    )
    folder = hand_in("cy")
    (folder / "exercises.ipynb").write_text("{")
    (folder / "quiz.ipynb").unlink()
    grade_assignment(small_course, "01_small", jobs=1)
    ada, bob, cy = write_reports(small_course, "01")
    assert (ada.points, ada.passed) == (ada.max_points, True)
    assert bob.share < 0.8
    assert cy.points == 0

    def text(student: str) -> str:
        return (small_course.feedback / student / "01_small" / "report.html").read_text()

    for student in ("ada", "bob", "cy"):
        assert_accessible(text(student))
        for secret in ("math.isclose", "mean([7])", "BEGIN", "Traceback", str(small_course.root)):
            assert secret not in words(text(student))
    assert "The mean of 1, 2, 3 is 2: divide by their number." in text("bob")
    assert ">hidden tests</h4>" in text("bob")
    assert "Two is even." in text("bob")
    assert "Four is even." not in text("bob")
    assert "Seven is odd." not in text("bob")
    assert "Three is odd" in text("ada")
    assert "print('adding up')" in words(text("bob"))
    assert Outcome.UNREADABLE in text("cy")


@pytest.mark.slow
def test_stock_nbgrader_from_submission_to_feedback_and_export(small_course: Course, hand_in):
    hand_in("ada")
    hand_in("bob", {"mean": "def mean(values):\n    return 0"})
    tools_on_path()
    for command in (["generate_assignment", "01_small", "--force"], ["autograde", "01_small", "--create"]):
        nbgrader(small_course, *command)
    nbgrader(small_course, "generate_feedback", "01_small")
    theirs = {p: p.read_bytes() for p in sorted(small_course.feedback.rglob("*.html"))}
    assert len(theirs) == 6
    write_reports(small_course, "01")
    assert {p: p.read_bytes() for p in sorted(small_course.feedback.rglob("*.html"))} == theirs
    nbgrader(small_course, "export", "--to", "grades.csv")
    ada, bob = csv.DictReader(io.StringIO((small_course.root / "grades.csv").read_text()))
    assert (ada["01_small per cent"], ada["01_small passed"]) == ("100", "yes")
    assert bob["01_small passed"] == "no"


def test_formgraders_button(small_course: Course, hand_in, monkeypatch):
    """formgrader calls this API in its own process, and names its own template while at it."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config, PyFileConfigLoader

    from autograder.run import grade_assignment

    hand_in("ada")
    grade_assignment(small_course, "01_small", jobs=1)
    write_reports(small_course, "01")
    ours = {p: p.read_bytes() for p in sorted(small_course.feedback.rglob("*.html"))}
    monkeypatch.chdir(small_course.root)
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(small_course.root)).load_config())
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    answer = api.generate_feedback("01_small", "ada", force=True)
    assert answer["success"], answer
    assert {p: p.read_bytes() for p in sorted(small_course.feedback.rglob("*.html"))} == ours
