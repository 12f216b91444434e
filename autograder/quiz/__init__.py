"""Questions in a notebook, answered by letters in the cell or by clicking.

from autograder.quiz import Quiz
quiz = Quiz("questions.json")
quiz.ask("q1", "AC")
"""

from autograder.quiz.quiz import Quiz

__all__ = ["Quiz"]
