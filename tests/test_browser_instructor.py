"""nbgrader's own buttons, pressed in a real JupyterLab: formgrader for the instructor, Validate for the student."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import MARKS, Desk, open_browser, open_desk

from autograder import demo, samples
from autograder.course import Course
from autograder.release import release

pytestmark = [*MARKS, pytest.mark.slow]
ASSIGNMENT = "01_build_a_model"
WRONG = "wrong_no_carrier"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """JupyterLab in a course to which a right and a wrong submission were handed in."""
    top, course = tmp_path_factory.mktemp("instructor"), Course.find(Path(__file__).parent)
    trial = demo.fresh_course(course, top / "work")
    release(trial, ASSIGNMENT)
    for name in ("reference", WRONG):
        samples.make(load(name), course, trial.root)
    with open_browser() as browser, open_desk(top, browser) as desk:
        yield desk


def load(name: str) -> samples.Sample:
    return samples.load(Path(__file__).parent / "submissions" / ASSIGNMENT / f"{name}.py")


def test_formgrader_grades_shows_and_returns(desk: Desk) -> None:
    wrong, lost = load(WRONG), sum(load(WRONG).loses.values())
    page = desk.browser.new_page(viewport={"width": 1300, "height": 900})
    page.set_default_timeout(60_000)
    page.route(re.compile("^(?!http://127[.]0[.]0[.]1:)http"), lambda route: route.abort())  # as without internet

    page.goto(desk.url.format(path="formgrader"))
    page.get_by_role("row").filter(has_text=ASSIGNMENT).get_by_role("link", name="2", exact=True).click()  # handed in
    row = page.get_by_role("row").filter(has_text=wrong.student)
    for button, done in (
        (".autograde a", "Successfully autograded"),
        (".generate-feedback a", "Successfully generated"),
    ):
        row.locator(button).click()
        page.get_by_text(done).wait_for()
        page.get_by_role("button", name="OK").click()
        page.locator(".modal-backdrop").wait_for(state="detached")
    score = re.search(r"([\d.]+) / ([\d.]+)", row.inner_text())
    assert score
    assert float(score[1]) == float(score[2]) - lost

    feedback = desk.folder / "feedback" / wrong.student / ASSIGNMENT / "exercises.html"
    assert "does not carry all of carrier" in feedback.read_text(encoding="utf-8")

    page.goto(desk.url.format(path=f"formgrader/gradebook/{ASSIGNMENT}/exercises"))
    page.get_by_role("link", name=re.compile("Submission #")).first.click()
    page.get_by_text("does not carry all of carrier").first.wait_for()  # the graded notebook, as a grader reads it
    page.close()


@pytest.mark.parametrize(
    ("student", "says"), [("reference", "Success! Your notebook passes all the tests."), (WRONG, "does not carry all")]
)
def test_validate_says_what_the_visible_tests_say(desk: Desk, student: str, says: str) -> None:
    page = desk.open(f"submitted/{load(student).student}/{ASSIGNMENT}/exercises.ipynb")
    page.get_by_role("button", name="Validate").click()
    page.get_by_role("dialog").filter(has_text=says).wait_for(timeout=90_000)
    page.close()
