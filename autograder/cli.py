"""``course``: the one command of this course, for students and instructors, on Linux, macOS and Windows."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from autograder.course import Course, CourseError, shown, tools_on_path

INSTRUCTOR = ("sync", "execute", "release", "bundle", "grade", "report", "export", "demo", "lock")
"""Commands that the student's package does not carry."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 something was found wrong, 2 it could not be done."""
    sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a character shows a mark instead
    tools_on_path()
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed) or 0
    except CourseError as problem:
        print(problem, file=sys.stderr)
    except PermissionError as problem:
        print(f"{problem.filename} may not be used: change its permissions or work elsewhere.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course", description="The course on model serving, from one command.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int | None], text: str) -> argparse.ArgumentParser:
        if name in INSTRUCTOR and not instructors_copy():
            run, text = _belongs_to_instructor, f"(instructor) {text}"
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    lab = command("lab", _lab, "open JupyterLab at the first lesson")
    lab.add_argument("--port", type=int, help="port on this machine (default: 8888, or the next free one)")
    lab.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    command("check", _check, "check the environment and the course folder, and say how to mend what is wrong")

    sync = command("sync", _sync, "bring text twins, notebooks and question files into step")
    sync.add_argument("--check", action="store_true", help="write nothing; exit 2 when something is stale")
    sync.add_argument("--take", choices=("text", "notebook"), help="which side wins where both were edited")
    execute = command("execute", _execute, "run lessons and keep their outputs")
    execute.add_argument("lessons", nargs="*", metavar="LESSON", help="number or beginning of a name (default: all)")
    _assignment(command("release", _release, "make the students' version of an assignment"))
    _assignment(command("bundle", _bundle, "pack what a student gets into one zip file"))
    grade = _assignment(command("grade", _grade, "grade what was submitted"))
    grade.add_argument("--student", action="append", help="only this student (may be given more than once)")
    grade.add_argument("--jobs", type=int, help="how many submissions at once (default: one for each core)")
    grade.add_argument(
        "--dask", metavar="ADDRESS", help="use the workers of the Dask scheduler at this address instead of these cores"
    )
    grade.add_argument("--force", action="store_true", help="grade again what has not changed since")
    grade.add_argument(
        "--unsafe", action="store_true", help="grade on a machine that cannot shut submissions in (see `course check`)"
    )
    _assignment(command("report", _report, "write the students' reports and the table of the class")).add_argument(
        "--final", action="store_true", help="show the reasons of unpicked options too: there is no further attempt"
    )
    _assignment(
        command("export", _export, "write the grades of all assignments, or of one, as a table (CSV)"), nargs="?"
    )
    command("demo", _demo, "grade the sample class and show where its reports are")
    command("lock", _lock, "write the lock files and environment.yml anew from pyproject.toml").add_argument(
        "--upgrade", action="store_true", help="take the newest versions instead of the locked ones"
    )
    return parser


def _assignment(parser: argparse.ArgumentParser, nargs: str | None = None) -> argparse.ArgumentParser:
    parser.add_argument("assignment", nargs=nargs, help="its number (01) or name (01_build_a_model)")
    return parser


def instructors_copy() -> bool:
    """Whether this is the instructor's package; the student's has neither key nor grader."""
    return find_spec("autograder.release") is not None


def _belongs_to_instructor(parsed: argparse.Namespace) -> int:
    raise CourseError(f"`course {parsed.command}` is for instructors: your copy of the course is a student's.")


def _lab(parsed: argparse.Namespace) -> int:
    from autograder.lab import start

    return start(Path.cwd(), parsed.port, browser=not parsed.no_browser)


def _check(parsed: argparse.Namespace) -> int:
    from autograder.check import check

    return check(Path.cwd())


def _sync(parsed: argparse.Namespace) -> None:
    from autograder import twins

    course = Course.find()
    if parsed.check:
        twins.check(course)
    elif not twins.sync(course, parsed.take):
        print("Everything is in step.")


def _execute(parsed: argparse.Namespace) -> None:
    from autograder.execute import execute

    for path in execute(Course.find(), parsed.lessons):
        print(f"executed {shown(path)}")


def _release(parsed: argparse.Namespace) -> None:
    from autograder.release import release

    course = Course.find()
    print(f"The release is {shown(release(course, parsed.assignment))}")


def _bundle(parsed: argparse.Namespace) -> None:
    from autograder.bundle import bundle

    course = Course.find()
    print(f"The bundle is {shown(bundle(course, parsed.assignment, course.root / 'dist'))}")


def _grade(parsed: argparse.Namespace) -> int:
    from autograder import zygotes
    from autograder.runs import Limits

    course = Course.find()
    assignment = course.assignment(parsed.assignment)
    if parsed.dask and parsed.jobs:
        raise CourseError(
            "--jobs counts submissions at once here, and a Dask cluster has its own: give one or the other."
        )
    if parsed.jobs is not None and parsed.jobs < 1:
        raise CourseError(f"--jobs {parsed.jobs} would grade nobody: give 1 or more, or leave it out.")
    if not parsed.dask:
        zygotes.start()  # it loads its libraries while this process loads the rest

    from autograder.run import grade_assignment

    gc.freeze()  # nothing of what is loaded is garbage: neither now nor at the end is it to be looked through
    how = {"jobs": parsed.jobs, "dask": parsed.dask, "force": parsed.force, "limits": Limits(unsafe=parsed.unsafe)}
    graded = grade_assignment(course, assignment, parsed.student, **how)
    failed = [result for result in graded if result.problem]
    reused = sum(result.reused for result in graded)
    print(f"{len(graded) - len(failed)} submissions graded, {reused} of them unchanged since the last time.")
    for result in failed:
        print(f"{result.student}: not graded, the grader failed ({result.problem}).", file=sys.stderr)
    print(f"`course report {parsed.assignment}` writes the reports.")
    return 1 if failed else 0


def _report(parsed: argparse.Namespace) -> None:
    from autograder.report import class_table, write_reports

    course = Course.find()
    reports = write_reports(course, course.assignment(parsed.assignment), final=parsed.final)
    print(class_table(reports))
    print(f"\nReports: {shown(course.feedback)}/STUDENT/{reports[0].assignment}/report.html")


def _export(parsed: argparse.Namespace) -> None:
    from autograder.export import export

    course = Course.find()
    print(f"The grades are in {shown(export(course, parsed.assignment))}")


def _demo(parsed: argparse.Namespace) -> None:
    from autograder.demo import demo

    demo(Course.find())


def _lock(parsed: argparse.Namespace) -> None:
    from autograder.lock import lock

    lock(Course.find().root, upgrade=parsed.upgrade)


if __name__ == "__main__":
    sys.exit(main())
