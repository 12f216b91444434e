"""From a submitted notebook to its verdicts.

``prepare`` reads and rebuilds, ``kernel`` runs, ``judge`` says how every question ended; ``grade_notebook`` is the
three in a row. nbgrader's two passes call the first and the others apart. Nothing here writes a file or a gradebook.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from nbformat import NotebookNode

from autograder import bank, cells, kernel, leftovers, rebuild
from autograder.course import Course, CourseError
from autograder.quiz.answers import read_answer
from autograder.quiz.questions import Bank
from autograder.reading import Unreadable, read_submission
from autograder.rebuild import ADDED, Known
from autograder.release import IGNORED, release_notebook
from autograder.runs import SENTENCES, CellRun, End, Limits
from autograder.scoring import score_answer
from autograder.verdicts import NotebookResult, Outcome, Verdict

UNANSWERED = "unanswered"
"""Key of a graded notebook's metadata that lists the solution cells and quiz cells without an answer."""

RESULT = "grading"
"""Key of a graded notebook's metadata that holds ``NotebookResult.to_dict()``."""

PREPARED = "prepared"
"""Key of a rebuilt notebook's metadata that holds its notes and, where it could not be read, the reason."""

LONGEST_MESSAGE = 1_500  # characters
MOST_FILES, MOST_BYTES = 200, 20_000_000  # of a submission's other files that are laid beside the notebook

_ENDS = {End.TIMEOUT: Outcome.OUT_OF_TIME, End.CRASH: Outcome.CRASHED, End.MEMORY: Outcome.OUT_OF_MEMORY}


@dataclass(frozen=True)
class Source:
    """A notebook of an assignment as the grader needs it: its cells, their released texts, and the question bank."""

    name: str
    pristine: NotebookNode
    release: NotebookNode
    known: tuple[Known, ...]
    bank: Bank | None

    @property
    def graded(self) -> list[Known]:
        """Test cells and quiz cells, in order; cells that a person grades are not among them."""
        return [place for place in self.known if cells.is_test(place.cell) or cells.is_quiz(place.cell)]

    @cached_property
    def titles(self) -> dict[str, str]:
        """What students read as the name of each test cell."""
        return titles(self.known)


@dataclass(frozen=True)
class Prepared:
    """A rebuilt notebook, notes on what was repaired, and, where nothing could be read, why.

    ``absent`` names the answer cells that the submission did not have. ``home`` is the folder in the submission that
    the notebook lay in, and ``taken`` are the files that stand for notebooks of the assignment; both relative, ``/``.
    """

    notebook: NotebookNode
    notes: tuple[str, ...]
    problem: str | None = None
    missing: bool = False
    absent: tuple[str, ...] = ()
    home: str = ""
    taken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graded:
    """The verdicts on a notebook, and the notebook as it ran, which carries them in its metadata."""

    result: NotebookResult
    notebook: NotebookNode

    @property
    def unanswered(self) -> frozenset[str]:
        """Names of the solution cells and quiz cells that hold what was handed out, or nothing."""
        return frozenset(self.notebook.metadata[UNANSWERED])

    @classmethod
    def from_notebook(cls, notebook: NotebookNode) -> Graded:
        """The inverse of writing the graded notebook to a file. Raises ``KeyError`` for one that was not graded."""
        return cls(NotebookResult.from_dict(notebook.metadata[RESULT]), notebook)


def grade_notebook(
    course: Course,
    assignment: str,
    name: str,
    path: Path | None,
    *,
    folder: Path | None = None,
    notes: Sequence[str] = (),
    limits: Limits | None = None,
    taken: Iterable[Path] = (),
) -> Graded:
    """Grade the file ``path`` as notebook ``name`` of ``assignment``; ``None`` when there is no such file.

    ``folder`` is the submission's folder: its other files are laid beside the notebook when it runs, but not those
    ``taken`` for notebooks of the assignment. ``notes`` come first among the result's notes. Whatever the file holds,
    this returns a result; it raises :class:`CourseError` when the course's own source or question bank is wrong.
    """
    prepared = prepare(course, assignment, name, path, notes)
    if folder is not None:
        prepared = settle(prepared, folder, path, taken)
    return grade_prepared(course, assignment, name, prepared, folder, limits)


def prepare(course: Course, assignment: str, name: str, path: Path | None, notes: Sequence[str] = ()) -> Prepared:
    """Read a submitted file and rebuild the notebook to run from it."""
    source = load_source(course, assignment, name)
    if path is None:
        return _nothing(source, f"`{name}.ipynb` was not handed in.", notes, missing=True)
    try:
        submitted, repairs = read_submission(path)
    except Unreadable as reason:
        return _nothing(source, str(reason), notes)
    rebuilt = rebuild.rebuild(source.pristine, source.release, submitted)
    prepared = Prepared(rebuilt.notebook, (*notes, *repairs, *rebuilt.notes), absent=rebuilt.absent)
    return _keep(prepared)


def settle(prepared: Prepared, folder: Path, path: Path | None, taken: Iterable[Path]) -> Prepared:
    """The same with what is known of the submission's folder: where the file ``path`` lay, and what was ``taken``."""
    home = path.parent.relative_to(folder).as_posix() if path and folder in path.parents else ""
    files = {*taken, *([path] if path else [])}
    inside = sorted(file.relative_to(folder).as_posix() for file in files if folder in file.parents)
    return _keep(replace(prepared, home="" if home == "." else home, taken=tuple(inside)))


def grade_prepared(
    course: Course, assignment: str, name: str, prepared: Prepared, folder: Path | None, limits: Limits | None = None
) -> Graded:
    """Run a rebuilt notebook, if it has tests, and judge it."""
    source, limits = load_source(course, assignment, name), limits or Limits()
    runs: list[CellRun] = []
    if prepared.problem is None and any(cells.is_test(place.cell) for place in source.known):
        with workspace(course, assignment, folder, prepared.home, prepared.taken) as scratch:
            runs = kernel.run_notebook(prepared.notebook, scratch, limits)
            runs = [_without_path(run, scratch) for run in runs]
        if limits.unsafe and (warning := kernel.warning(limits)):
            prepared = replace(prepared, notes=(*prepared.notes, warning))
    result = judge(source, prepared, runs, limits)
    notebook = prepared.notebook
    notebook.metadata.pop(PREPARED, None)
    for run in runs:
        notebook.cells[run.index]["outputs"] = run.outputs
        notebook.cells[run.index]["execution_count"] = run.execution_count
    notebook.metadata[RESULT] = result.to_dict()
    notebook.metadata[UNANSWERED] = _unanswered(source, notebook)
    return Graded(result, notebook)


def _unanswered(source: Source, notebook: NotebookNode) -> list[str]:
    texts = {cells.grade_id(cell): cell.source for cell in notebook.cells}
    answers = [place for place in source.known if place.is_answer]
    return [p.name for p in answers if not texts[p.name].strip() or rebuild.same_text(texts[p.name], p.released)]


def from_rebuilt(notebook: NotebookNode) -> Prepared:
    """The inverse of writing a prepared notebook to a file."""
    kept = notebook.metadata.get(PREPARED, {})
    lists = {key: tuple(kept.get(key, ())) for key in ("notes", "absent", "taken")}
    return Prepared(
        notebook, problem=kept.get("problem"), missing=bool(kept.get("missing")), home=kept.get("home", ""), **lists
    )


def _keep(prepared: Prepared) -> Prepared:
    kept = {"problem": prepared.problem, "missing": prepared.missing, "home": prepared.home}
    kept |= {key: list(getattr(prepared, key)) for key in ("notes", "absent", "taken")}
    prepared.notebook.metadata[PREPARED] = kept
    return prepared


def _nothing(source: Source, problem: str, notes: Sequence[str], missing: bool = False) -> Prepared:
    empty = NotebookNode(cells=[], metadata={}, nbformat=4, nbformat_minor=5)
    notebook = rebuild.rebuild(source.pristine, source.release, empty).notebook
    return _keep(Prepared(notebook, (*notes, problem), problem, missing))


# --- what the course says


def load_source(course: Course, assignment: str, name: str) -> Source:
    """The source of a notebook, from its file (and its assignment's bank, if it asks questions)."""
    path = course.source / assignment / f"{name}.ipynb"
    folder = bank_folder(course, assignment)
    stamps = tuple(_stamp(p) for p in (path, folder / f"{assignment}.toml"))
    return _load_source(path, assignment, folder, stamps)


def bank_folder(course: Course, assignment: str) -> Path:
    """Where the question bank of an assignment lies: the course's own folder, or that of this package."""
    banks = (course.root / "autograder" / "questions", bank.QUESTIONS)
    return next((folder for folder in banks if (folder / f"{assignment}.toml").is_file()), bank.QUESTIONS)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat() if path.exists() else None
    return (found.st_mtime_ns, found.st_size) if found else (0, 0)


@lru_cache(maxsize=64)
def _load_source(path: Path, assignment: str, folder: Path, stamps: tuple[tuple[int, int], ...]) -> Source:
    """The source, read once: a worker's copy of a course holds the same."""
    files = (path, folder / f"{assignment}.toml")
    key = path.name, assignment, *(file.read_bytes() if file.is_file() else b"" for file in files)
    source = _parsed.get(key) or _parse_source(path, assignment, folder)
    if len(_parsed) >= MOST_SOURCES:
        _parsed.clear()
    _parsed[key] = source
    return source


MOST_SOURCES = 64  # that are kept
_parsed: dict[tuple[str, str, bytes, bytes], Source] = {}
"""Sources by the contents of their files."""


def _parse_source(path: Path, assignment: str, folder: Path) -> Source:
    pristine, release = cells.normalise(cells.read(path)), release_notebook(path)
    known = tuple(rebuild.known_cells(pristine, release))
    if len({place.name for place in known}) < len(known):
        raise CourseError(f"{path} has two cells of the same name: give each its own.")
    questions = bank.bank_for(assignment, folder=folder) if any(cells.is_quiz(c) for c in pristine.cells) else None
    source = Source(path.stem, pristine, release, known, questions)
    for place in source.graded:
        _check_question(source, place, path)
    return source


def _check_question(source: Source, place: Known, path: Path) -> None:
    if source.bank is None or not cells.is_quiz(place.cell):
        return
    question = source.bank.question(place.name)
    if question is None:
        raise CourseError(f"{path} asks {place.name}, which its question bank does not have: add it there.")
    if question.points != _points(place):
        raise CourseError(
            f"{path}: {place.name} has {_points(place):g} points in the notebook and {question.points:g} in its bank: "
            "make them equal."
        )


def _points(place: Known) -> float:
    return float(place.cell.metadata["nbgrader"]["points"])


def titles(known: Iterable[Known]) -> dict[str, str]:
    """What students read as the name of each test cell: the nearest heading above it in the source.

    Where several tests stand below one heading, a word tells those that the release shows from the hidden ones.
    """
    heading, below = "", {}
    for place in known:
        if place.cell.cell_type == "markdown":
            heading = _heading(place.cell.source) or heading
        elif cells.is_test(place.cell):
            below.setdefault(heading or place.name, []).append(place)
    return {place.name: title for head, places in below.items() for place, title in _told_apart(head, places)}


def _told_apart(heading: str, places: list[Known]) -> Iterator[tuple[Known, str]]:
    if len(places) == 1:
        yield places[0], heading
        return
    kinds = [_is_hidden(place) for place in places]
    for i, (place, hidden) in enumerate(zip(places, kinds, strict=True)):
        number = f" {kinds[: i + 1].count(hidden)}" if kinds.count(hidden) > 1 else ""
        yield place, f"{heading}: {'hidden' if hidden else 'visible'} tests{number}"


def _is_hidden(place: Known) -> bool:
    """Whether the release shows none of a test cell's code."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in place.released.splitlines())


def _heading(markdown: str) -> str:
    """The last heading in a Markdown text, as plain text; ``""`` for none."""
    found, fenced = "", False
    for line in markdown.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and (match := re.match(r" {0,3}#{1,6}\s+(.*?)\s*#*\s*$", line)):
            found = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1])
            found = re.sub(r"[*`]|\b_|_\b", "", found).strip()
    return found


# --- a place to run in


@contextmanager
def workspace(
    course: Course, assignment: str, folder: Path | None, home: str = "", taken: Collection[str] | None = None
) -> Iterator[Path]:
    """A folder of its own for one run: the assignment's files and, where they leave room, the submission's other ones.

    ``home`` is the folder in the submission that the notebook lay in: what lies there lies beside it here, too.
    ``taken`` are the notebooks of the submission that stay out; ``None`` for all of them.
    """
    with tempfile.TemporaryDirectory(prefix="work-", dir=leftovers.folder(), ignore_cleanup_errors=True) as name:
        scratch = Path(name).resolve()
        shutil.copytree(
            course.source / assignment,
            scratch,
            ignore=shutil.ignore_patterns("*.ipynb", *IGNORED),
            copy_function=shutil.copyfile,
            dirs_exist_ok=True,
        )
        if folder is not None:
            _copy_others(folder, scratch, home, taken)
        yield scratch


def _copy_others(folder: Path, scratch: Path, home: str, taken: Collection[str] | None) -> None:
    """Copy a submission's files, where there is nothing yet: not what a link points to, and not too much in all.

    First come the neighbours of the notebook, which its code names, then everything by its path in the submission;
    other notebooks come last, since they are large.
    """
    files = [(path, path.relative_to(folder)) for path in _plain_files(folder)]
    files = [(p, r) for p, r in files if p.suffix != ".ipynb" or (taken is not None and r.as_posix() not in taken)]
    beside = [(path, path.relative_to(folder / home)) for path, _ in files if home and folder / home in path.parents]
    count = size = 0
    for path, target in sorted([*beside, *files], key=lambda pair: pair[0].suffix == ".ipynb"):
        if (scratch / target).exists():
            continue
        count, size = count + 1, size + path.stat().st_size
        if count > MOST_FILES or size > MOST_BYTES:
            return
        with contextlib.suppress(FileExistsError, NotADirectoryError):  # a file where this one needs a folder
            (scratch / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, scratch / target, follow_symlinks=False)


def _plain_files(folder: Path) -> list[Path]:
    """Every file below a folder that is neither hidden nor reached through a link, in order."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
        if not hidden and not path.is_symlink() and path.is_file():
            found.append(path)
    return found


def _without_path(run: CellRun, scratch: Path) -> CellRun:
    """The same run without what differs from run to run: the name of its folder, and addresses of objects in memory."""

    def settled(text: str) -> str:
        return _ADDRESS.sub("at 0x…", text.replace(f"{scratch}/", "").replace(str(scratch), "."))

    for output in run.outputs:
        for place, keys in ((output, ("text", "evalue")), (output.get("data", {}), ("text/plain", "text/html"))):
            for key in keys:
                if isinstance(place.get(key), str):
                    place[key] = settled(place[key])
        if "traceback" in output:
            output["traceback"] = [settled(line) for line in output["traceback"]]
    return replace(run, evalue=settled(run.evalue))


_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,16}\b")


# --- verdicts


def judge(source: Source, prepared: Prepared, runs: Sequence[CellRun], limits: Limits) -> NotebookResult:
    """The verdict on every graded cell of the source, in its order."""
    names = source.titles
    if prepared.problem is not None:
        outcome = Outcome.NOT_ATTEMPTED if prepared.missing else Outcome.UNREADABLE
        verdicts = [_zero(source, place, names, outcome, prepared.problem) for place in source.graded]
        return NotebookResult(source.name, tuple(verdicts), prepared.notes)
    test = _Judge(source, prepared, {run.index: run for run in runs}, names, limits)
    verdicts = [
        test.verdict(place) if cells.is_test(place.cell) else _quiz(source, place, prepared) for place in source.graded
    ]
    return NotebookResult(source.name, tuple(verdicts), prepared.notes)


def _zero(source: Source, place: Known, names: Mapping[str, str], outcome: Outcome, message: str) -> Verdict:
    if cells.is_test(place.cell):
        return Verdict(place.name, "test", names[place.name], outcome, 0.0, _points(place), message)
    title = source.bank.question(place.name).title
    return Verdict(place.name, "quiz", title, outcome, 0.0, _points(place), message, "")


def _quiz(source: Source, place: Known, prepared: Prepared) -> Verdict:
    text = next(cell.source for cell in prepared.notebook.cells if cells.grade_id(cell) == place.name)
    return score_answer(source.bank.question(place.name), read_answer(text, place.name))


class _Judge:
    """What is known about one run, so that each test's end can be told in the student's terms."""

    def __init__(
        self,
        source: Source,
        prepared: Prepared,
        runs: Mapping[int, CellRun],
        names: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self.notebook, self.absent = prepared.notebook, frozenset(prepared.absent)
        self.runs, self.names, self.limits = runs, names, limits
        self.place = {name: i for i, cell in enumerate(self.notebook.cells) if (name := cells.grade_id(cell))}
        self.owner: dict[str, Known | None] = {}
        nearest = None
        for known in source.known:
            nearest = known if cells.is_solution(known.cell) else nearest
            self.owner[known.name] = nearest

    def verdict(self, test: Known) -> Verdict:
        """How a test cell ended. Full points for a reply that says so; none for anything else."""
        run = self.runs[self.place[test.name]]
        if run.end is End.OK:
            return self._verdict(test, Outcome.PASSED, "")
        return self._verdict(test, *self._failure(self.owner[test.name], run))

    def _verdict(self, test: Known, outcome: Outcome, message: str) -> Verdict:
        reached = _points(test) if outcome is Outcome.PASSED else 0.0
        return Verdict(test.name, "test", self.names[test.name], outcome, reached, _points(test), _tidy(message))

    def _failure(self, owner: Known | None, run: CellRun) -> tuple[Outcome, str]:
        own = self.runs.get(self.place[owner.name]) if owner else None
        if owner and not self._attempted(owner):
            if owner.name in self.absent:
                return Outcome.NOT_ATTEMPTED, f"There was no cell `{owner.name}`, and no answer in its place."
            return Outcome.NOT_ATTEMPTED, f"The cell `{owner.name}` is as it was handed out."
        if run.end is End.NOT_RUN:
            seconds = self.limits.notebook_seconds
            return Outcome.OUT_OF_TIME, f"The {seconds:g} seconds for the whole notebook were over before this test."
        if own and own.end in _ENDS:
            return _ENDS[own.end], self._stopped(own, f"The cell `{owner.name}`")
        if run.end in _ENDS:
            return _ENDS[run.end], self._stopped(run, "This test of your code")
        if own and own.end is End.ERROR and run.ename == "NameError":
            return self._raised(own)
        return self._raised(run)

    def _stopped(self, run: CellRun, what: str) -> str:
        if run.end is End.TIMEOUT:
            return f"{what} did not end within {self.limits.cell_seconds:g} seconds. Is there a loop that never ends?"
        if run.end is End.MEMORY:
            return (
                f"{what} needed more than the {self.limits.memory / 2**30:g} GB of memory there are.{self._line(run)}"
            )
        return f"{what} made Python itself stop (a crash, or a call such as os._exit)."

    def _raised(self, run: CellRun) -> tuple[Outcome, str]:
        """The outcome and the words for a cell that ended in an exception."""
        mine = bool(run.frames) and not self._is_test(run.frames[-1].cell)
        if run.ename == "NotImplementedError" and mine and run.in_cell:
            return Outcome.NOT_ATTEMPTED, f"The code stops at its NotImplementedError.{self._line(run)}"
        if run.ename == "AssertionError" and not mine:
            return Outcome.FAILED, run.evalue or "A check of this test did not hold."
        if run.ename in SENTENCES:
            return Outcome.ERROR, run.evalue
        evalue = re.sub(r"\s*\([^()]*\.py, line \d+\)$", "", run.evalue)
        said = _WORDS.get(run.ename) or (f"{run.ename}: {evalue}" if evalue else run.ename)
        where = self._line(run) or " (raised when the test used your code or what it returned)"
        hint = self._hint(run.ename, evalue)
        return Outcome.ERROR, said + where + (f"\n{hint}" if hint else "")

    def _hint(self, ename: str, evalue: str) -> str:
        """A sentence on why code that ran at home ends in this exception here; ``""`` for most."""
        if _NO_NETWORK.search(evalue):
            return "There is no network while notebooks are graded: hand in the files that your code needs beside them."
        if ename == "ModuleNotFoundError" and (found := re.search(r"No module named '(\w+)", evalue)):
            if _is_installed(found[1]):
                return ""
            return f"`{found[1]}` is not among the packages of this course, and no file `{found[1]}.py` was handed in."
        if ename == "NameError" and (found := re.match(r"name '(\w+)' is not defined", evalue)):
            return self._forgotten(found[1])
        return ""

    def _forgotten(self, name: str) -> str:
        """Whether a cell of the student's that has this name in it runs under a magic that keeps nothing."""
        for cell in self.notebook.cells:
            magic = _KEEPS_NOTHING.match(cell.source)
            if rebuild.is_students(cell) and magic and re.search(rf"\b{name}\b", cell.source):
                return f"`{magic[1]}` keeps nothing of what its cell defines: take that line out."
        return ""

    def _line(self, run: CellRun) -> str:
        """The innermost line of the student's own cells in a traceback, as a line of its own."""
        for frame in reversed(run.frames):
            cell = self.notebook.cells[frame.cell]
            lines = cell.source.splitlines()
            if self._is_test(frame.cell) or not 0 < frame.line <= len(lines):
                continue
            where = f"the cell `{cells.grade_id(cell)}`" if cells.grade_id(cell) else "a cell of yours"
            where = where if rebuild.is_students(cell) else "a given cell"
            return f"\nLine {frame.line} of {where}: {lines[frame.line - 1].strip()[:200]}"
        return ""

    def _is_test(self, index: int) -> bool:
        return cells.has_role(self.notebook.cells[index], "grade")

    def _attempted(self, owner: Known) -> bool:
        """Whether the student changed the solution cell, or defined the same things in a cell of their own."""
        text = self.notebook.cells[self.place[owner.name]].source
        if text.strip() and not rebuild.same_text(text, owner.released):
            return True
        wanted = rebuild.definitions(owner.released)
        added = (cell for cell in self.notebook.cells if cell.metadata.get(ADDED) and cell.cell_type == "code")
        return bool(wanted) and any(wanted & rebuild.definitions(cell.source) for cell in added)


_WORDS = {
    "SystemExit": "The code calls exit(), which ends the program.",
    "BdbQuit": "The code calls the debugger (`breakpoint()`): take the call out.",
}
"""What to say of an exception in place of its text."""

_NO_NETWORK = re.compile(
    r"Errno -[235]\]|Errno 101\]|[Nn]ame resolution|Name or service not known|Network is unreachable"
)
_KEEPS_NOTHING = re.compile(
    r"\s*(%%(?:timeit|script|bash|sh|python3?|html|javascript|latex|markdown|writefile|file))\b"
)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _tidy(message: str) -> str:
    """A message without what differs from run to run (addresses) and without terminal codes, of bounded length."""
    message = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", message)
    message = re.sub(r"\b0x[0-9a-fA-F]{6,}\b", "0x…", message)
    message = re.sub(r"/\S*/ipykernel_\d+/\d+\.py", "a cell", message)
    message = "".join(c for c in message if c in "\n\t" or c.isprintable()).strip()
    return message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + " …"
