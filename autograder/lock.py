"""``course lock``: the two locks and ``environment.yml``, all written from ``pyproject.toml``.

``requirements.txt`` pins everything, with hashes, for every system, and names no index. ``requirements-student.txt``
is the part of it that a student's bundle needs, with the same versions.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course import CourseError

LOCK, STUDENT_LOCK, CONDA = "requirements.txt", "requirements-student.txt", "environment.yml"

FROM_PIP = ("hdrhistogram", "mlcommons-loadgen", "playwright", "psycopg", "ray", "tritonclient", "uvloop")
"""Packages that the environment of conda takes from pip: conda has no extras, no markers, or another thing so named."""


def lock(root: Path, upgrade: bool = False, say: Callable[[str], None] = print) -> None:
    """Write both locks and ``environment.yml`` of the project in ``root``.

    Versions that are locked stay unless ``upgrade`` or a requirement in ``pyproject.toml`` says otherwise.
    Raises :class:`CourseError` with uv's reason when there is no solution or no index.
    """
    newest = ["--upgrade"] if upgrade else []
    _compile(root, LOCK, "--all-extras", *newest)
    _compile(root, STUDENT_LOCK, "--constraints", LOCK)
    text = subset((root / LOCK).read_text(encoding="utf-8"), (root / STUDENT_LOCK).read_text(encoding="utf-8"))
    (root / STUDENT_LOCK).write_text(text, encoding="utf-8", newline="\n")
    (root / CONDA).write_text(environment(project(root)), encoding="utf-8", newline="\n")
    say(f"wrote {LOCK}, {STUDENT_LOCK} and {CONDA}")


def _compile(root: Path, output: str, *options: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--output-file", output]
    command += ["--universal", "--python-version", oldest_python(project(root)), "--generate-hashes"]
    command += ["--no-header", "--no-annotate", *options]
    done = subprocess.run(command, cwd=root, env=_environment(root), capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(f"uv could not write {output}: {done.stderr.strip()}")


def subset(whole: str, part: str) -> str:
    """The lock ``part`` with the hashes that ``whole`` has for the same versions."""
    hashes = {head.split(" ")[0]: block for head, block in entries(whole)}
    return "".join(f"{head} \\\n{hashes[head.split(' ')[0]]}" for head, _ in entries(part))


def entries(text: str) -> list[tuple[str, str]]:
    """The packages of a lock in order: ``name==version ; marker`` and the lines of hashes below it."""
    return re.findall(r"^(\S+==[^\\\n]*?) ?\\?\n((?: +--hash=.*\n)*)", text, flags=re.MULTILINE)


def _environment(root: Path) -> dict[str, str]:
    """Pip's main index for uv. No additional one: a mirror of a few files would cut the lists of hashes short."""
    sys.path.insert(0, str(root))
    try:
        import bootstrap
    finally:
        sys.path.remove(str(root))
    left_out = ("UV_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY")
    return {k: v for k, v in bootstrap.index_environment(sys.executable).items() if k not in left_out}


def project(root: Path) -> dict:
    """The table ``[project]`` of ``pyproject.toml``."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def oldest_python(table: dict) -> str:
    """``"3.11"`` for ``requires-python = ">=3.11"``."""
    return table["requires-python"].removeprefix(">=")


def requirements(table: dict, extras: bool = True) -> dict[str, Requirement]:
    """The requirements of the project by canonical name, sorted; with those of its extras or without."""
    lines = list(table["dependencies"])
    if extras:
        lines += [line for group in table["optional-dependencies"].values() for line in group]
    return {canonicalize_name(r.name): r for r in sorted(map(Requirement, lines), key=lambda r: r.name)}


def environment(table: dict) -> str:
    """The text of ``environment.yml`` for conda: packages from conda-forge, the course itself from this folder."""
    wanted = requirements(table)
    conda = [str(requirement) for name, requirement in wanted.items() if name not in FROM_PIP]
    pip = [str(wanted[name]).replace('"', "'") for name in FROM_PIP if name in wanted]
    return "\n".join(
        [
            "# Written by `course lock` from pyproject.toml: change that file, not this one.",
            f"name: {table['name']}",
            "channels:",
            "  - conda-forge",
            "  - nodefaults",
            "dependencies:",
            f'  - "python{table["requires-python"]}"',
            "  - pip",
            *(f'  - "{line}"' for line in conda),
            "  - pip:",
            *(f'      - "{line}"' for line in pip),
            '      - "--editable ."',
            "",
        ]
    )
