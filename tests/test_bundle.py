"""What a student gets: complete, installable by itself, and without anything that only instructors should see."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from test_release import found_in, secrets

from autograder import bank, cells, samples
from autograder.bundle import STUDENT_PARTS, bundle
from autograder.course import Course

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT)
ASSIGNMENT = COURSE.assignments()[0]


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    return bundle(COURSE, ASSIGNMENT, tmp_path_factory.mktemp("dist"))


def contents(path: Path) -> dict[str, bytes]:
    """Every file of the bundle, those inside its wheel included, by path."""
    found = {}
    with zipfile.ZipFile(path) as outer:
        for name in outer.namelist():
            found[name] = outer.read(name)
            if name.endswith(".whl"):
                with zipfile.ZipFile(io.BytesIO(found.pop(name))) as wheel:
                    found |= {f"{name}/{inner}": wheel.read(inner) for inner in wheel.namelist()}
    return found


def test_the_same_course_makes_the_same_bytes(packed, tmp_path):
    assert bundle(COURSE, ASSIGNMENT, tmp_path).read_bytes() == packed.read_bytes()


def test_it_holds_what_a_student_needs_and_nothing_else(packed):
    with zipfile.ZipFile(packed) as outer:
        names = {name.split("/", 1)[1] for name in outer.namelist()}
        roots = {name.split("/", 1)[0] for name in outer.namelist()}
    assert roots == {f"model_serving_{ASSIGNMENT}"}
    assert {name for name in names if "/" not in name} == {"README.md", "bootstrap.py", "requirements.txt"}
    released = {f"release/{ASSIGNMENT}/{p.name}" for p in (COURSE.release / ASSIGNMENT).iterdir() if p.is_file()}
    assert {name for name in names if name.startswith("release/")} == released
    lessons = {f"notebooks/{p.name}" for p in (ROOT / "notebooks").glob("0[01]_*.ipynb")}
    assert lessons <= names
    assert {n.split("/")[0] for n in names if "/" in n} == {"release", "notebooks", "software"}


def test_the_wheel_holds_the_students_part_alone(packed):
    inner = [name.split(".whl/")[1] for name in contents(packed) if ".whl/" in name]
    ours = {name.split("/")[1] for name in inner if name.startswith("autograder/")}
    assert ours == set(STUDENT_PARTS)
    assert {name.split("/")[0].split("-")[0] for name in inner} == {
        "autograder",
        "modelserving",
        "modelserving_course_student",
    }
    assert [name for name in inner if name.endswith(".toml")] == ["modelserving/data/prices.toml"]  # no key
    assert not any(name.endswith(".pyc") for name in inner)


def test_no_secret_is_anywhere_inside(packed):
    lines = secrets(ASSIGNMENT)
    longer = [line for line in lines if len(line) > 30]  # a library may have an `except ValueError:` of its own
    for name, content in contents(packed).items():
        if name.endswith((".npz", ".png")):
            continue
        text = content.decode()
        if name.endswith(".py"):
            assert found_in(text, longer) == [], name
        else:
            assert found_in(text, lines) == [], name
            assert "BEGIN SOLUTION" not in text, name
            assert "BEGIN HIDDEN" not in text, name


def test_no_graded_question_has_its_key_beside_it(packed):
    graded = {question.text for question in bank.bank_for(ASSIGNMENT).questions}
    for name, content in contents(packed).items():
        if name.endswith("questions.json") or "/questions/" in name:
            for question in json.loads(content)["questions"]:
                has_key = any("right" in option or "feedback" in option for option in question["options"])
                assert not (has_key and question["text"] in graded), name


# --- installed by itself -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(packed, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The bundle unpacked and set up with its own ``bootstrap.py``: an empty home, nothing of this repository."""
    place = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(packed) as outer:
        outer.extractall(place)
    kept = ("PIP_", "UV_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy", "LANG", "LC_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    environment |= {"PATH": os.defpath, "HOME": str(place / "home"), "UV_CACHE_DIR": _shared_cache()}
    environment |= {"UV_COMPILE_BYTECODE": "0"}  # a minute of work, for the few modules that are used here
    settings = Path.home() / ".config" / "pip" / "pip.conf"
    if "PIP_CONFIG_FILE" not in environment and settings.exists():
        environment["PIP_CONFIG_FILE"] = str(settings)  # where packages come from is the machine's, not the student's
    (place / "home").mkdir()
    folder = place / f"model_serving_{ASSIGNMENT}"
    run([sys._base_executable, "bootstrap.py", "check"], folder, environment)
    return folder, environment


def _shared_cache() -> str:
    """This machine's cache of uv, so that nothing is fetched that is here already."""
    done = subprocess.run([sys.executable, "-m", "uv", "cache", "dir"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_environment(installed, *arguments: str, within: str = ".") -> str:
    folder, environment = installed
    scripts = folder / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    return run([str(scripts / arguments[0]), *arguments[1:]], folder / within, environment)


@pytest.mark.slow
def test_it_sets_itself_up_and_its_check_is_content(installed):
    said = in_environment(installed, "course", "check")
    assert "\nbad" not in f"\n{said}"
    where = in_environment(installed, "python", "-c", "import autograder, modelserving; print(autograder.__file__)")
    assert str(installed[0]) in where
    assert str(ROOT) not in where


@pytest.mark.slow
def test_instructors_commands_are_not_there(installed):
    folder, environment = installed
    python = str(folder / ".venv" / "bin" / "python")
    command = [python, "-m", "autograder.cli", "grade", "01"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "`course grade` is for instructors: your copy of the course is a student's.\n"


@pytest.mark.slow
def test_solved_notebooks_run_and_validate(installed):
    """Reference solutions and answers, typed in and run by what stands behind JupyterLab's button Validate."""
    folder, _ = installed
    release = folder / "release" / ASSIGNMENT
    for name in COURSE.notebooks(ASSIGNMENT):
        notebook = cells.read(release / f"{name}.ipynb")
        solved = samples.reference(COURSE, ASSIGNMENT, name)
        for cell in notebook.cells:
            cell.source = solved.get(cells.grade_id(cell), cell.source)
        cells.write(release / f"{name}.ipynb", notebook)
        said = in_environment(installed, "nbgrader", "validate", f"{name}.ipynb", within=f"release/{ASSIGNMENT}")
        assert "Success! Your notebook passes all the tests." in said


@pytest.mark.slow
def test_a_lesson_and_the_quiz_run(installed):
    for within, name in (("notebooks", "00_start_here"), (f"release/{ASSIGNMENT}", "quiz")):
        arguments = ["nbconvert", "--execute", "--to", "notebook", "--output", f"{name}.ran", f"{name}.ipynb"]
        in_environment(installed, "jupyter", *arguments, within=within)
        ran = nbformat.read(installed[0] / within / f"{name}.ran.ipynb", as_version=4)
        code = [cell for cell in ran.cells if cell.cell_type == "code"]
        assert code
        assert all(cell.execution_count for cell in code)
