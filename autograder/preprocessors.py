"""The grader as plug-ins of nbgrader, so that ``nbgrader autograde`` gives the verdicts that ``course grade`` gives.

nbgrader hands each submitted notebook through two passes. Here the first reads the file, whatever was done to it, and
rebuilds it; the second runs it, judges it and writes the gradebook. ``nbgrader_config.py`` names these classes.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader import api
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from autograder import cells, engine, gradebook, kernel
from autograder.course import Course
from autograder.engine import Prepared
from autograder.run import locate
from autograder.runs import Limits


class SubmissionExporter(NotebookExporter):
    """Reads what nbgrader's own exporter cannot: damaged, renamed, old and missing notebooks of submissions."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        _refuse(self.parent)
        _leave_links_out(self.parent)
        _take_all_in(self.parent)

    def from_filename(self, filename, resources=None, **kwargs):
        """Rebuild a submitted notebook; read any other as it is."""
        path = Path(filename)
        course = Course(path.parents[3])
        resources["nbgrader"]["root"] = course.root
        if course.submitted not in path.parents:
            return self.from_notebook_node(cells.loads(path.read_text(encoding="utf-8")), resources, **kwargs)
        assignment = path.parent.name
        located = locate(course, assignment, path.parent)
        file, notes = located[path.stem]
        prepared = engine.prepare(course, assignment, path.stem, file, notes)
        prepared = engine.settle(prepared, path.parent, file, [found for found, _ in located.values() if found])
        return self.from_notebook_node(prepared.notebook, resources, **kwargs)

    def from_notebook_node(self, nb, resources=None, **kwargs):
        """The text of a notebook's file, which half characters in outputs cannot keep from being written."""
        text, resources = super().from_notebook_node(nb, resources, **kwargs)
        return cells.whole_characters(text), resources


class Rebuild(NbGraderPreprocessor):
    """First pass: makes sure that the notebook was rebuilt. The exporter did it while reading."""

    def preprocess(self, nb: NotebookNode, resources):
        """Return the notebook as it is; refuse one that :class:`SubmissionExporter` did not read."""
        if engine.PREPARED not in nb.metadata:
            raise RuntimeError("Autograde.exporter_class must be autograder.preprocessors.SubmissionExporter.")
        return nb, resources


class Grade(NbGraderPreprocessor):
    """Second pass: run the rebuilt notebook, judge it, write the verdicts to the gradebook and into the notebook."""

    unsafe = Bool(False, help="Grade on a machine that cannot shut submissions in (see `course check`).").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources):
        """Grade one notebook of one submission."""
        known = resources["nbgrader"]
        course = Course(known["root"])
        folder = course.submitted / known["student"] / known["assignment"]
        prepared: Prepared = engine.from_rebuilt(nb)
        limits = Limits(unsafe=self.unsafe)
        graded = engine.grade_prepared(course, known["assignment"], known["notebook"], prepared, folder, limits)
        with api.Gradebook(known["db_url"]) as book:
            gradebook.write_submission(book, known["assignment"], known["student"], {known["notebook"]: graded})
        return graded.notebook, resources


def expected_notebooks(assignment: str, student: str, notebooks: list[str]) -> None:
    """Hook before a submission is converted: grade the notebooks of the assignment, not the files that are there.

    Changes ``notebooks`` in place to the paths that the files should have; :class:`SubmissionExporter` finds those that
    stand for them. A file that is missing gets its zero, and the reason, in the same way.
    """
    folder = Path(notebooks[0]).parent
    course = Course(folder.parents[2])
    notebooks[:] = [str(folder / f"{name}.ipynb") for name in course.notebooks(folder.name)]


def _refuse(converter) -> None:
    """Say once, before any submission is touched, that this machine cannot shut submissions in."""
    if not Grade(parent=converter).unsafe and (lacking := kernel.missing()):
        converter.log.error(kernel.refusal(lacking))
        raise NbGraderException(kernel.refusal(lacking))


def _take_all_in(converter) -> None:
    """Add the submissions that nbgrader passes over since no notebook lies right in their folder.

    nbgrader makes its exporter between the moment it lists the submissions and the moment it converts them.
    :func:`expected_notebooks` puts the right names in the place of the one given here.
    """
    pattern = converter._format_source(converter.coursedir.assignment_id, converter.coursedir.student_id)
    for folder in filter(os.path.isdir, glob.glob(pattern)):
        converter.assignments.setdefault(folder, [os.path.join(folder, "none.ipynb")])


def _leave_links_out(converter) -> None:
    """Keep nbgrader from copying what links in submissions point to (it would end in the feedback), and from pipes."""
    directory = converter.coursedir
    folders = Path(directory.root, directory.submitted_directory).glob("*/*")
    strange = (p for f in folders for p in f.rglob("*") if p.is_symlink() or not (p.is_file() or p.is_dir()))
    directory.ignore = [*directory.ignore, *(glob.escape(str(path)) for path in strange)]
