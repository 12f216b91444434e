"""Notebooks as committed: executed in order, clean of the machine that ran them, readable by everyone."""

import platform
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from autograder import bank, cells

ROOT = Path(__file__).parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ASSIGNMENTS = sorted([*(ROOT / "source").glob("*/*.ipynb"), *(ROOT / "release").glob("*/*.ipynb")])
PAGES = [p for p in sorted(ROOT.glob("*.md")) if p.stat().st_size]

MOST_LINES = 15
MEASURES = re.compile(r"perf_counter|process_time|%timeit|%%time|\btqdm\b|\btimed?\(")
OF_A_MACHINE = re.compile(
    r"/root\b|/home/\w|/Users/\w|/tmp/|/work/|/opt/|/mnt/|site-packages|[A-Z]:\\\\?Users|0x[0-9a-f]{8,}"
    r"|\b(?!127\.0\.0\.1\b|0\.0\.0\.0\b)\d{1,3}(?:\.\d{1,3}){3}\b"
)
"""Paths, addresses in memory, and hosts: what only the machine that ran a notebook has."""


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


lessons = pytest.mark.parametrize("path", LESSONS, ids=names(LESSONS))
notebooks = pytest.mark.parametrize("path", LESSONS + ASSIGNMENTS, ids=names(LESSONS + ASSIGNMENTS))


def code(path: Path) -> list[NotebookNode]:
    return [cell for cell in cells.read(path).cells if cell.cell_type == "code"]


def texts(cell: NotebookNode) -> Iterator[str]:
    """What a cell put out as text: streams and every representation but pictures; data in addresses left out."""
    for output in cell.outputs:
        shown = output.get("data", {"text/plain": output.get("text", "")})
        for kind, value in shown.items():
            if not kind.startswith("image/"):
                yield re.sub(r"data:[\w/+]+;base64,[\w/+=]+", "", str(value))


def pictures(cell: NotebookNode) -> Iterator[NotebookNode]:
    """The outputs of a cell that hold a picture."""
    for output in cell.outputs:
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data) or "<img" in str(data.get("text/html", "")):
            yield output


# --- executed ------------------------------------------------------------------------------------


def test_there_are_lessons():
    assert LESSONS
    assert ASSIGNMENTS


@lessons
def test_every_cell_was_run_in_order(path):
    """nbval passes a cell that was never run, so the counts are checked here."""
    filled = [cell for cell in code(path) if cell.source.strip()]
    assert [cell.execution_count for cell in filled] == list(range(1, len(filled) + 1))


@lessons
def test_no_cell_ended_in_an_error_or_complained(path):
    for cell in code(path):
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.get("text")


@notebooks
def test_nothing_of_a_machine_is_kept(path):
    notebook = cells.read(path)
    assert notebook.metadata == cells.METADATA
    hosts = {platform.node()} - {"", "localhost"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "nbgrader", "deletable", "editable", "jupyter"}, cell.id
        for text in texts(cell) if cell.cell_type == "code" else ():
            assert not OF_A_MACHINE.search(text), OF_A_MACHINE.search(text).group()
            assert not any(host in text for host in hosts)


def test_traces_of_machines_are_recognised():
    for text in (
        "File /home/ada/x.py",
        r"C:\Users\ada",
        "<object at 0x7f3a5c0011d0>",
        "http://10.0.0.7:8888",
        "/tmp/x",
    ):
        assert OF_A_MACHINE.search(text)
    for text in ("127.0.0.1:8888", "1.5.2", "0.0.0.0", "share/home", "release/01"):
        assert not OF_A_MACHINE.search(text)


@notebooks
def test_ids_are_there_once_and_are_nbgraders_where_it_has_one(path):
    found = [cell.id for cell in cells.read(path).cells]
    assert len(set(found)) == len(found)
    assert all(cells.grade_id(cell) in (None, cell.id) for cell in cells.read(path).cells)


@lessons
def test_cells_are_short(path):
    long = {cell.id: cell.source.count("\n") + 1 for cell in code(path) if cell.source.count("\n") >= MOST_LINES}
    assert long == {}, f"lines by cell; at most {MOST_LINES}"


@lessons
def test_measured_cells_are_tagged(path):
    """What a clock says differs from run to run, so nbval must not compare it."""
    for cell in code(path):
        if MEASURES.search(cell.source) and cell.outputs:
            assert "nbval-ignore-output" in cell.metadata.get("tags", []), cell.source


@lessons
def test_self_checks_are_committed_unanswered(path):
    for cell in code(path):
        if name := cells.asked(cell.source):
            assert cell.source == cells.ask(name)


# --- readable ------------------------------------------------------------------------------------


@lessons
def test_every_picture_has_words_and_an_opaque_ground(path):
    for cell in code(path):
        for output in pictures(cell):
            images = BeautifulSoup(output.data.get("text/html", ""), "html.parser").find_all("img")
            assert images, f"show it with plots.show: {cell.source}"
            assert all(len(image.get("alt", "")) > 30 for image in images), cell.source
            assert len(output.data.get("text/plain", "")) > 30, cell.source


@lessons
def test_pictures_in_prose_have_words(path):
    for cell in cells.read(path).cells:
        if cell.cell_type == "markdown":
            assert "![](" not in cell.source
            for image in BeautifulSoup(cell.source, "html.parser").find_all("img"):
                assert image.get("alt"), cell.source


@lessons
def test_a_page_that_only_renders_shows_every_plot_and_question(path):
    page = BeautifulSoup(HTMLExporter().from_filename(str(path))[0], "html.parser")
    shown = " ".join(page.get_text(" ").split())
    alts = {image.get("alt") for image in page.find_all("img")}
    for cell in code(path):
        for output in pictures(cell):
            expected = BeautifulSoup(output.data["text/html"], "html.parser").img["alt"]
            assert expected in alts
    if any(cells.asked(cell.source) for cell in code(path)):
        for question in bank.bank_for(path.stem, use="self-check").questions:
            for text in (question.text, *(option.text for option in question.options)):
                assert words(text) in squeezed(shown), text


def words(markdown: str) -> str:
    """Markdown as the bare characters of its words, to find it in a page."""
    return squeezed(re.sub(r"[`*_]|\[(.*?)\]\(.*?\)", r"\1", markdown))


def squeezed(text: str) -> str:
    return re.sub(r"\W|_", "", text)


# --- links ---------------------------------------------------------------------------------------


def prose(path: Path) -> str:
    """The Markdown of a page or a notebook, without code."""
    if path.suffix == ".md":
        text = path.read_text()
    else:
        text = "\n\n".join(cell.source for cell in cells.read(path).cells if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What a heading of ``path`` can be linked by: as JupyterLab writes it and as a forge does, in small letters."""
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)
    jupyter = {heading.strip().replace(" ", "-").lower() for heading in headings}
    return jupyter | {re.sub(r"[^\w -]", "", heading.strip()).replace(" ", "-").lower() for heading in headings}


LINKED = LESSONS + ASSIGNMENTS + PAGES


@pytest.mark.parametrize("path", LINKED, ids=names(LINKED))
def test_relative_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"\w+:", target):
            continue
        place, _, anchor = urllib.parse.unquote(target).partition("#")
        linked = (path.parent / place).resolve() if place else path
        if "source" in path.parts:  # links are written for the release, which lies beside the source
            linked = Path(str(linked).replace(f"{ROOT}/source/", f"{ROOT}/release/"))
        assert linked.exists(), target
        if anchor and linked.suffix in (".md", ".ipynb"):
            assert anchor.lower() in anchors(linked), target
