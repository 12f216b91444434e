"""A stock nbgrader course with this project's steps plugged in. nbgrader's own commands read this file."""

from pathlib import Path

from autograder import release
from autograder.course import COURSE_ID, tools_on_path

tools_on_path()
c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.course_id = COURSE_ID

# --- release: what `nbgrader generate_assignment` and `course release` have in common -------------
c.CourseDirectory.ignore = list(release.IGNORED)
c.GenerateAssignment.preprocessors = list(release.STEPS)

# --- grading: `nbgrader autograde`, `nbgrader generate_feedback`, `nbgrader export` ----------------
c.CourseDirectory.root = str(Path(__file__).parent.resolve())  # whatever folder nbgrader is called from
c.Autograde.exporter_class = "autograder.preprocessors.SubmissionExporter"  # by name: imported only where it is used
c.Autograde.pre_convert_hook = "autograder.preprocessors.expected_notebooks"
c.Autograde.sanitize_preprocessors = ["autograder.preprocessors.Rebuild"]
c.Autograde.autograde_preprocessors = ["autograder.preprocessors.Grade", "nbgrader.preprocessors.AssignLatePenalties"]

# --- feedback: `nbgrader generate_feedback` (and formgrader's button) writes the pages of `course report` ---
c.GenerateFeedback.exporter_class = "autograder.report.FeedbackExporter"
c.GenerateFeedback.preprocessors = []
c.GenerateFeedback.pre_convert_hook = "autograder.report.only_expected"
c.GenerateFeedback.post_convert_hook = "autograder.report.only_pages"

# --- export: `nbgrader export` writes the file of `course export` ---
c.ExportApp.plugin_class = "autograder.export.CourseExport"
