"""How submissions become grades: rebuild, run, judge, record, report.

Data flows one way: submission → rebuild → student kernel → verdicts → one writer → gradebook → report.
Students get only :mod:`autograder.quiz` and the commands that open and check the course.
"""

__version__ = "0.1.0"
