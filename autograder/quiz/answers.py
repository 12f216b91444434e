"""What a quiz cell answers, read from its source and never by running it.

A quiz cell holds one call, ``quiz.ask("q1", "AC")``. The letters between the quotes are the answer.
Honest spellings are accepted: lower case, spaces, commas and semicolons between letters, a letter twice, full-width
letters, keyword arguments, an f-string without fields, magics and shell lines around the call. Everything else is told
in one sentence that says what to write.
"""

from __future__ import annotations

import ast
import re
import textwrap
import unicodedata
import warnings
from dataclasses import dataclass, replace

from autograder.quiz.questions import Question

LONGEST_SOURCE = 100_000  # characters; a quiz cell has forty
_SEPARATORS = frozenset(" \t\r\n,;")
_WORDS = frozenset(("and", "or", "both", "und", "oder"))
_MAGIC = re.compile(r"^[ \t]*[%!].*$|^[ \t]*\?.*$|^[^\n'\"#]*\?[ \t]*$", re.MULTILINE)
"""A line of IPython's that is no Python: a magic, a shell command, a question for help."""


@dataclass(frozen=True)
class Answer:
    """What a cell answers.

    ``letters``: upper case, sorted, each once; ``""`` when blank or malformed.
    ``problem``: one sentence that says what is wrong and what to write, or ``None``.
    ``blank``: nothing was answered (the empty string, or a cell without code).
    """

    letters: str = ""
    problem: str | None = None
    blank: bool = False


def read_answer(source: str, question_id: str) -> Answer:
    """The answer in the source of a quiz cell. Never raises for any text, and never runs it.

    Whether the letters exist in the question is another matter: see :func:`check`.
    """
    form = _form(question_id)
    if len(source) > LONGEST_SOURCE:
        return Answer(problem=f"This cell is too long to be an answer: {form}.")
    try:
        calls = _calls(source)
    except SyntaxError as error:
        where = f"Line {error.lineno}" if error.lineno else "This cell"
        return Answer(problem=f"{where} is not valid Python: {form}.")
    except (ValueError, RecursionError, MemoryError):
        return Answer(problem=f"This cell cannot be read as Python: {form}.")
    if calls is None:
        return Answer(problem=f"The cell is empty: {form}.", blank=True)
    mine = [call for call in calls if _is_text(_argument(call, 0, "id"), question_id)]
    if not mine:
        return Answer(problem=_missing(calls, question_id))
    if len(mine) > 1:
        return Answer(problem=f"The cell answers {question_id} {len(mine)} times: leave one call in it.")
    return _from_call(mine[0], question_id)


def read_value(value: object, question_id: str) -> Answer:
    """The answer that a value handed to ``ask`` stands for; same rules and sentences as :func:`read_answer`."""
    if not isinstance(value, str):
        kind = "nothing" if value is None else f"of type {type(value).__name__}"
        return Answer(problem=f"The answer is {kind} and not text: {_form(question_id)}.")
    text = unicodedata.normalize("NFKC", value)  # full-width letters and commas of East Asian keyboards
    letters = [c for c in text if c not in _SEPARATORS]
    strange = [c for c in letters if not (c.isascii() and c.isalpha())]
    if strange and (script := _lookalike(strange[0])):
        said = f"{_quoted(strange[0])} is not a letter of an option but a {script} one that looks like it"
        return Answer(problem=f"{said}: type the letters anew, like AC.")
    words = re.split(r"[\s,;]+", text.lower())
    if not strange and len(words) > 1 and _WORDS & set(words):
        return Answer(problem=f"{_quoted(text[:40])} holds more than letters: write the letters only, like AC.")
    if strange:
        return Answer(problem=f"{_quoted(strange[0])} is not a letter of an option: write the letters only, like AC.")
    return Answer(letters="".join(sorted({c.upper() for c in letters})), blank=not letters)


def _lookalike(letter: str) -> str | None:
    """The script of a letter that is easily taken for a Latin one."""
    script = unicodedata.name(letter, "").partition(" ")[0].capitalize()
    return script if script in ("Cyrillic", "Greek") else None


def check(answer: Answer, question: Question) -> Answer:
    """The same answer, or one whose ``problem`` says which letters do not fit the question."""
    if answer.problem or answer.blank:
        return answer
    unknown = [c for c in answer.letters if c not in question.letters]
    if unknown:
        there = f"the options are {question.letters[0]} to {question.letters[-1]}"
        names = " and ".join(_quoted(c) for c in unknown[:3])
        verb = "is no option" if len(unknown) == 1 else "are no options"
        return replace(answer, letters="", problem=f"{names} {verb} of {question.id}: {there}.")
    if question.kind == "one" and len(answer.letters) > 1:
        both = ", ".join(answer.letters)
        return replace(answer, letters="", problem=f"{question.id} takes one letter and got {both}: keep one of them.")
    return answer


def _quoted(text: str) -> str:
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return f"“{shown}”"


def _calls(source: str) -> list[ast.Call] | None:
    """All calls of a method ``ask``; ``None`` when there is no code at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a student's text is not our warning
        source = textwrap.dedent(source.removeprefix("\ufeff"))  # IPython forgives an indented cell, too
        try:
            tree = ast.parse(source)
        except SyntaxError:
            tree = ast.parse(_MAGIC.sub("", source))
    if not tree.body:
        return None
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call for call in nodes if isinstance(call.func, ast.Attribute) and call.func.attr == "ask"]


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((k.value for k in call.keywords if k.arg == name), None)


def _is_text(node: ast.expr | None, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text


def _form(question_id: str) -> str:
    return f'the cell should read quiz.ask("{question_id}", "…"), with your letters between straight quotes'


def _missing(calls: list[ast.Call], question_id: str) -> str:
    firsts = [_argument(call, 0, "id") for call in calls]
    others = [str(n.value)[:40] for n in firsts if isinstance(n, ast.Constant)]
    what = f"answers {_quoted(others[0])} and not {question_id}" if others else f"has no answer to {question_id}"
    return f"The cell {what}: {_form(question_id)}."


def _from_call(call: ast.Call, question_id: str) -> Answer:
    given = len(call.args) + len(call.keywords)
    if given > 2:
        return Answer(problem=f'The call has {given} arguments: put all letters between one pair of quotes, like "AC".')
    node = _argument(call, 1, "answer")
    if node is None:
        return Answer(problem=f"The call has no answer: {_form(question_id)}.")
    if isinstance(node, ast.JoinedStr) and all(isinstance(part, ast.Constant) for part in node.values):
        return read_value("".join(str(part.value) for part in node.values), question_id)
    if isinstance(node, ast.Constant):
        return read_value(node.value, question_id)
    if isinstance(node, ast.Name):
        return Answer(problem=f"{_quoted(node.id[:40])} stands without quotes: {_form(question_id)}.")
    return Answer(problem=f"The answer must be text and nothing computed: {_form(question_id)}.")
