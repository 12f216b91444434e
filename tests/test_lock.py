"""One list of dependencies: locks and ``environment.yml`` follow ``pyproject.toml``."""

import re
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from autograder import lock
from autograder.check import locked

ROOT = Path(__file__).parents[1]
PROJECT = lock.project(ROOT)


def text(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(name: str) -> dict[str, str]:
    """The lines of hashes of each package in a lock, by ``name==version ; marker``."""
    return dict(lock.entries(text(name)))


def pins(name: str) -> dict[str, str]:
    """Version by package, for all systems."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text(name), flags=re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


@pytest.mark.parametrize("name", [lock.LOCK, lock.STUDENT_LOCK])
def test_every_package_has_hashes_and_no_index_is_named(name):
    assert len(blocks(name)) > 50
    assert all("--hash=sha256:" in hashes for hashes in blocks(name).values())
    line = r"[\w.-]+==\S+|    --hash=sha256:[0-9a-f]{64}"
    other = [found for found in text(name).splitlines() if not re.match(line, found)]
    assert other == []
    assert not re.search(r"https?:|file:|--(extra-)?index|--find-links", text(name))


@pytest.mark.parametrize(("name", "extras"), [(lock.LOCK, True), (lock.STUDENT_LOCK, False)])
def test_every_requirement_is_in_the_lock_with_a_version_that_fits(name, extras):
    pinned = pins(name)
    for package, requirement in lock.requirements(PROJECT, extras).items():
        assert package in pinned, "run `course lock`"
        assert SpecifierSet(str(requirement.specifier)).contains(pinned[package]), "run `course lock`"


def test_the_lock_serves_every_system():
    """Compiled packages have a file, and so a hash, for each system and Python: many of them."""
    many = {entry.split("==")[0]: hashes.count("--hash") for entry, hashes in blocks(lock.LOCK).items()}
    for package in ("numpy", "scikit-learn", "onnxruntime", "matplotlib", "pillow", "pyzmq", "uv"):
        assert many[package] >= 10, package


def test_students_lock_is_a_part_of_the_whole():
    whole, part = blocks(lock.LOCK), blocks(lock.STUDENT_LOCK)
    same = {entry.split(" ")[0]: hashes for entry, hashes in whole.items()}
    assert all(same[entry.split(" ")[0]] == hashes for entry, hashes in part.items())
    packages = {entry.split("==")[0] for entry in part}
    assert packages.isdisjoint({"pytest", "playwright", "ruff", "hypothesis", "nbval", "jupytext", "hatchling"})


def test_environment_yml_is_fresh():
    assert text(lock.CONDA) == lock.environment(PROJECT), "run `course lock`"


def test_conda_gets_every_requirement_once():
    lines = re.findall(r'^ +- "([\w.-]+)', lock.environment(PROJECT), flags=re.MULTILINE)
    assert sorted(set(lines) - {"python", "--editable"}) == sorted(lock.requirements(PROJECT))
    assert len(lines) == len(set(lines))


def test_packages_that_this_machine_does_not_need_are_left_out():
    lines = "here==1.0 \\\n    --hash=sha256:00\nnowhere==2.0 ; sys_platform == 'amiga' \\\n    --hash=sha256:01\n"
    assert locked(lines) == {"here": "1.0"}
