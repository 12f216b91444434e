"""How submissions become grades: rebuild, run, judge, record, report.

Data flows one way: submission → rebuild → student kernel → verdicts → one writer → gradebook → report.
Students get only :mod:`autograder.quiz` and the commands that open and check the course.
"""

import sys

__version__ = "0.1.0"

# jsonschema compiles a grammar when it is imported, for a format that no notebook has: a second in every process
sys.modules.setdefault("rfc3987_syntax", None)
