"""The instructor's round trip on the sample class: release, submissions, grading, reports."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from autograder import samples
from autograder.course import Course, shown
from autograder.release import release


def demo(course: Course, say: Callable[[str], None] = print) -> Path:
    """Build ``build/demo`` anew and run the whole round trip there; returns that folder.

    The real course's gradebook, submissions and reports are not touched.
    """
    trial = fresh_course(course, course.root / "build" / "demo")
    for assignment in course.assignments():
        round_trip(course, trial, assignment, say)
    return trial.root


def fresh_course(course: Course, folder: Path) -> Course:
    """A course in ``folder``, emptied first, with the sources of ``course`` and nothing that was handed in."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    shutil.copyfile(course.root / "nbgrader_config.py", folder / "nbgrader_config.py")
    shutil.copytree(course.source, folder / "source", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return Course(folder)


def round_trip(course: Course, trial: Course, assignment: str, say: Callable[[str], None]) -> None:
    """Release ``assignment``, make its sample class, grade it and say where the reports are."""
    from autograder.report import class_table, write_reports
    from autograder.run import grade_assignment

    say(f"{assignment}: releasing")
    release(trial, assignment)
    members = samples.load_all(course, assignment)
    say(f"{assignment}: {len(members)} sample submissions")
    for sample in tqdm(members, desc="submissions", disable=None, leave=False):
        samples.make(sample, course, trial.root)
    grade_assignment(trial, assignment)
    reports = write_reports(trial, assignment)
    say("")
    say(class_table(reports))
    say("")
    say(f"Table of the class: {shown(trial.reports / assignment)}.csv")
    say("Reports of the students, for example:")
    for sample in examples(members):
        say(f"  {shown(trial.feedback / sample.student / assignment / 'report.html')}  {sample.what}")


def examples(members: Sequence[samples.Sample]) -> list[samples.Sample]:
    """The first sample of each kind."""
    by_kind = {sample.kind: sample for sample in reversed(members)}
    return [by_kind[kind] for kind in samples.KINDS if kind in by_kind]
