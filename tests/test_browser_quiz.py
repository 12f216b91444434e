"""A click in a real JupyterLab, in a real browser, reaches the file and the score."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from desk import MARKS, Desk, open_browser, open_desk, run_all, sync_api
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import bank as banks
from autograder.course import Course
from autograder.engine import grade_notebook
from autograder.quiz.answers import read_answer
from autograder.release import generate
from autograder.verdicts import Outcome

pytestmark = MARKS
BANKS = Path(__file__).parent / "banks"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, browser: sync_api.Browser) -> Iterator[Desk]:
    """A JupyterLab on an empty folder."""
    with open_desk(tmp_path_factory.mktemp("desk"), browser) as desk:
        yield desk


def place_quiz(folder: Path, *names: str) -> None:
    """A notebook ``quiz.ipynb`` in ``folder`` with the blank questions of banks of the tests."""
    folder.mkdir()
    cells = []
    for name in names:
        bank = banks.load(BANKS / f"{name}.toml")
        (folder / f"{name}.json").write_text(banks.questions_file(bank), encoding="utf-8")
        quiz = {"graded": "quiz", "self-check": "checks"}[bank.use]
        cells.append(new_code_cell(f'from autograder.quiz import Quiz\n{quiz} = Quiz("{name}.json")'))
        for question in bank.questions:
            cells.append(new_markdown_cell(banks.markdown(question)))
            cells.append(new_code_cell(f'{quiz}.ask("{question.id}", "")', id=question.id))
    nbformat.write(new_notebook(metadata=KERNEL, cells=cells), folder / "quiz.ipynb")


def source_of(folder: Path, cell_id: str) -> str:
    """The source of a cell as the file on disk has it."""
    notebook = nbformat.read(folder / "quiz.ipynb", as_version=4)
    return next(cell.source for cell in notebook.cells if cell.id == cell_id)


def is_opaque(group: sync_api.Locator) -> bool:
    """Whether the widget around a question paints its ground without letting anything through."""
    colour = group.locator("..").evaluate("node => getComputedStyle(node).backgroundColor")
    return colour.startswith("rgb(")


def test_a_click_in_the_released_quiz_survives_a_reload_and_counts(desk: Desk) -> None:
    course, assignment = Course.find(Path(__file__).parent), "01_build_a_model"
    folder = generate(course, assignment, desk.folder / "clicks")
    bank = banks.bank_for(assignment)
    page = desk.open("clicks/quiz.ipynb")
    run_all(page)
    groups = [page.get_by_role("group", name=question.title) for question in bank.questions[:3]]
    for group, question in zip(groups[:2], bank.questions, strict=False):
        for letter in question.right_letters:
            group.locator(f"input[value={letter}]").check()
        group.get_by_text(f"Saved: {', '.join(question.right_letters)}.", exact=True).wait_for()
    wrong = next(c for c in bank.questions[2].letters if c not in bank.questions[2].right_letters)
    groups[2].locator(f"input[value={wrong}]").check()
    groups[2].get_by_text("Saved").wait_for()
    words = " ".join(page.locator(".msq-status, .msq-reason").all_inner_texts()).lower()
    assert "right" not in words  # graded: no verdict
    assert "wrong" not in words
    assert is_opaque(groups[0])

    page.reload()
    groups[0].wait_for()
    for group, question in zip(groups[:2], bank.questions, strict=False):
        marked = [box.input_value() for box in group.locator("input:checked").all()]
        assert "".join(marked) == question.right_letters
    groups[2].get_by_role("button", name="Clear answer").click()
    groups[2].get_by_text("Saved: no answer.").wait_for()
    page.close()

    verdicts = grade_notebook(course, assignment, "quiz", folder / "quiz.ipynb").result.verdicts
    assert [v.answer for v in verdicts[:2]] == [question.right_letters for question in bank.questions[:2]]
    assert [v.points for v in verdicts[:2]] == [v.max_points for v in verdicts[:2]]
    assert {v.outcome for v in verdicts[2:]} == {Outcome.NOT_ATTEMPTED}


def test_the_keyboard_alone_answers_and_saves(desk: Desk) -> None:
    folder = desk.folder / "keys"
    place_quiz(folder, "example")
    page = desk.open("keys/quiz.ipynb", theme="Dark")
    press = page.keyboard.press
    page.wait_for_function("document.activeElement.closest('.jp-Notebook')")  # Lab puts the focus into the notebook
    for _ in range(3):  # the set-up, the text of question 1, question 1
        press("Shift+Enter")
    q1 = page.get_by_role("group", name="Question 1")
    q1.wait_for()
    press("ArrowUp")
    tab_to(page, q1.get_by_role("checkbox", name="A. A model"))
    press("Space")
    press("Tab")
    press("ArrowDown")  # moves nothing: a checkbox keeps its arrows, and Lab does not take them
    press("Tab")
    press("Space")
    q1.get_by_text("Saved: A, C.", exact=True).wait_for()
    assert is_opaque(q1)

    press("Escape")  # back to the cell
    press("ArrowDown")
    press("ArrowDown")
    press("Control+Enter")
    q2 = page.get_by_role("group", name="Question 2")
    q2.wait_for()
    tab_to(page, q2.get_by_role("radio", name="A. It adapts"))
    press("ArrowDown")
    q2.get_by_text("Saved: B.", exact=True).wait_for()
    press("Control+s")
    q2.get_by_text("Saved: B.", exact=True).wait_for()
    page.close()
    assert source_of(folder, "q1") == 'quiz.ask("q1", "AC")'
    assert source_of(folder, "q2") == 'quiz.ask("q2", "B")'


def tab_to(page: sync_api.Page, target: sync_api.Locator) -> None:
    """Press Tab until ``target`` has the focus; a few buttons of Lab's may lie on the way."""
    for _ in range(8):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("Tab does not reach the options")


def test_the_widget_follows_typing_keeps_what_it_cannot_read_and_explains_self_checks(desk: Desk) -> None:
    folder = desk.folder / "typed"
    place_quiz(folder, "example", "example.selfcheck")
    page = desk.open("typed/quiz.ipynb")
    run_all(page)
    q1 = page.get_by_role("group", name="Question 1")
    q1.wait_for()
    editor = page.get_by_role("textbox").filter(has_text="q1")

    def retype(source: str) -> None:
        editor.click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(source)

    retype("quiz.ask('q1', 'd, a')  # I looked it up")
    q1.get_by_text("The cell says: A, D.").wait_for()
    assert q1.get_by_role("checkbox", name="D. An interpreter").is_checked()
    q1.get_by_role("checkbox", name="C. Input data").check()
    q1.get_by_text("Saved: A, C, D.").wait_for()
    assert source_of(folder, "q1") == "quiz.ask('q1', 'ACD')  # I looked it up"

    retype('quiz.ask("q1", "AX")')
    q1.get_by_text("Run this cell to check").wait_for()
    page.keyboard.press("Control+Enter")
    q1.get_by_text("“X” is no option of q1: the options are A to D.").wait_for()

    retype('letters = "A"; quiz.ask("q1", letters)')
    q1.get_by_role("checkbox", name="B. A printing press").check()
    q1.get_by_text("The click was not written").wait_for()

    s1 = page.get_by_role("group", name="Self-check 1")
    assert "not graded" in s1.locator("legend").inner_text()
    s1.get_by_role("checkbox", name="B. A printing press").check()
    s1.get_by_text("✗ Wrong. Predictions are sent, not printed.").wait_for()
    s1.get_by_text("Saved: B. Not right yet").wait_for()
    page.close()
    assert source_of(folder, "s1") == 'checks.ask("s1", "B")'
    assert source_of(folder, "q1") == 'letters = "A"; quiz.ask("q1", letters)'


# The widget on a bare page, with a stand-in for the editor around it.

STAGE = """async ([module, question, context]) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const make = () => {
    let source = 'quiz.ask("q1", "")';
    const cell = { id: "c", getSource: () => source, setSource: (text) => (source = text) };
    cell.changed = { connect() {}, disconnect() {} };
    const state = { saving: 0, most: 0, saved: [] };
    window.state = state;
    const save = async () => {
      state.most = Math.max(state.most, ++state.saving);
      const now = source;
      await new Promise((done) => setTimeout(done, 30));
      state.saved.push(now);
      state.saving--;
    };
    const fail = () => Promise.reject(new Error("disk full"));
    return { model: { sharedModel: { cells: [cell] } }, save: context === "broken" ? fail : save };
  };
  const model = { get: () => question, widget_manager: context === "none" ? {} : { context: make() } };
  widget.render({ model, el: document.body });
}"""


def stage(browser: sync_api.Browser, context: str) -> sync_api.Page:
    """A page with the widget of question 1 in an editor that is ``"sound"``, ``"broken"`` or not there (``"none"``)."""
    from autograder.quiz import widget

    question = banks.load(BANKS / "example.toml").questions[0]
    state = widget.state(question, read_answer('quiz.ask("q1", "")', "q1"), False, "c")
    page = browser.new_page()
    page.set_default_timeout(10_000)
    page.evaluate(STAGE, [(widget.HERE / "widget.js").read_text(encoding="utf-8"), state, context])
    return page


def test_where_the_cell_is_out_of_reach_the_widget_says_what_to_type(browser: sync_api.Browser) -> None:
    page = stage(browser, "none")
    page.get_by_role("checkbox", name="B.").check()
    page.get_by_role("checkbox", name="D.").check()
    page.get_by_text('does not let a click change the cell: type quiz.ask("q1", "BD") there and save.').wait_for()
    page.close()


def test_quick_clicks_are_saved_in_turn(browser: sync_api.Browser) -> None:
    page = stage(browser, "sound")
    page.evaluate("for (const box of document.querySelectorAll('input')) box.click()")
    page.get_by_text("Saved: A, B, C, D.", exact=True).wait_for()
    assert page.evaluate("state.most") == 1
    assert page.evaluate("state.saved.at(-1)") == 'quiz.ask("q1", "ABCD")'
    page.close()


def test_a_save_that_fails_is_told(browser: sync_api.Browser) -> None:
    page = stage(browser, "broken")
    page.get_by_role("checkbox", name="B.").check()
    page.get_by_text("Not saved: B stands in the cell; save the notebook yourself").wait_for()
    page.close()
