"""``bootstrap.py``: what it does when, and the one sentence it says where it cannot go on."""

import ast
import errno
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import bootstrap  # noqa: E402

TOO_OLD = (3, 9, 18)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A course folder with a lock and nothing set up; ``bootstrap`` works there and starts nothing."""
    (tmp_path / "requirements.txt").write_text("numpy==2.0.0 \\\n    --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "STAMP", str(tmp_path / ".venv" / "course.json"))
    monkeypatch.setattr(bootstrap, "LOG", str(tmp_path / ".venv" / "bootstrap.log"))
    monkeypatch.setattr(bootstrap, "LOCK", str(tmp_path / "requirements.txt"))
    monkeypatch.setattr(bootstrap, "SOFTWARE", str(tmp_path / "software"))
    monkeypatch.setattr(bootstrap, "hand_over", lambda command: 0)
    return tmp_path


@pytest.fixture
def steps(place, monkeypatch):
    """The commands that set-up would run, which are recorded; those in ``fails`` end in the output given."""
    ran, fails = [], {}

    def step(what, command, environment=None):
        ran.append(" ".join(command))
        if "venv" in command:
            made = Path(bootstrap.venv_python())
            made.parent.mkdir(parents=True)
            made.symlink_to(sys.executable)
        for part, output in fails.items():
            if part in ran[-1]:
                raise bootstrap.Stop(bootstrap.sentence(output))

    monkeypatch.setattr(bootstrap, "step", step)
    return ran, fails


def said(capsys, status: int, arguments=("check",)) -> str:
    """Runs ``bootstrap``; returns the one line it said on stderr."""
    assert bootstrap.main(list(arguments)) == status
    text = capsys.readouterr().err.strip()
    assert "Traceback" not in text
    assert "\n" not in text
    return text


def test_an_old_python_can_read_it():
    ast.parse((ROOT / "bootstrap.py").read_text(), feature_version=(3, 8))
    assert "__future__" not in (ROOT / "bootstrap.py").read_text()


def test_it_uses_the_standard_library_only_and_names_no_index():
    tree = ast.parse((ROOT / "bootstrap.py").read_text())
    imported = [a.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    assert set(imported) <= sys.stdlib_module_names
    assert "http" not in (ROOT / "bootstrap.py").read_text()


def test_too_old_a_python_says_so(place, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap.sys, "version_info", TOO_OLD)
    monkeypatch.setattr(bootstrap, "find_python", lambda: None)
    assert said(capsys, 2).startswith("This is Python 3.9, and the course needs 3.11 or later: install one")


def test_too_old_a_python_looks_for_another(place, monkeypatch):
    handed = []
    monkeypatch.setattr(bootstrap.sys, "version_info", TOO_OLD)
    monkeypatch.setattr(bootstrap, "find_python", lambda: ["python3.12"])
    monkeypatch.setattr(bootstrap, "hand_over", lambda command: handed.append(command) or 7)
    monkeypatch.setenv("COURSE_BOOTSTRAP", "")
    with pytest.raises(SystemExit, match="7"):
        bootstrap.main(["lab"])
    assert handed == [["python3.12", str(ROOT / "bootstrap.py"), "lab"]]


def test_only_a_python_that_starts_is_taken(tmp_path, monkeypatch):
    broken = tmp_path / "python3.14"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    (tmp_path / "python3.12").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bootstrap, "answers", lambda command: not command[0].endswith("3.14"))
    assert bootstrap.find_python() == [str(tmp_path / "python3.12")]
    monkeypatch.undo()
    assert not bootstrap.answers([str(broken)])
    assert bootstrap.answers([sys.executable])


def test_a_python_without_venv_says_what_to_install(place, monkeypatch, capsys):
    found = bootstrap.importlib.util.find_spec
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda n: None if n == "ensurepip" else found(n))
    text = said(capsys, 2)
    assert "no module ensurepip" in text
    assert f"apt install python3.{sys.version_info[1]}-venv" in text


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="needs a folder that nobody may write: /sys of Linux")
def test_a_folder_that_may_not_be_written_says_so(place, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "ROOT", "/sys")
    assert said(capsys, 2) == "/sys may not be written: copy the course to a folder of your own and run this there."


def test_a_missing_lock_says_so(place, capsys):
    (place / "requirements.txt").unlink()
    assert said(capsys, 2).endswith("requirements.txt is missing: unpack or clone the course again.")


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("error: failed to write: No space left on device (os error 28)", "The disk is full"),
        ("OSError: [Errno 13] Permission denied: '/x'", "may not be written"),
        ("error: Read-only file system (os error 30)", "may not be written"),
        ("Failed to establish a new connection: NewConnectionError(...)", "The package index cannot be reached"),
        ("error: Failed to fetch: `…`\n  Caused by: dns error", "The package index cannot be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "A package is not the one"),
        ("ERROR: No matching distribution found for uv==0.9", "The package index of this machine lacks uv"),
        ("one\nValueError: odd\n\nhint: see above", "Set-up failed (ValueError: odd)"),
        ("", "Set-up failed (no reason given)"),
    ],
)
def test_output_of_a_failed_step_becomes_a_sentence(place, output, meaning):
    text = bootstrap.sentence(output)
    assert text.startswith(meaning) or meaning in text
    assert "\n" not in text


def test_a_full_disk_says_so(place, monkeypatch, capsys):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bootstrap, "set_up", full)
    assert said(capsys, 2).startswith("The disk is full: free 2 GB")


@pytest.mark.parametrize(("problem", "status"), [(RuntimeError("odd"), 2), (KeyboardInterrupt(), 130)])
def test_nothing_ends_in_a_traceback(place, monkeypatch, capsys, problem, status):
    def fail():
        raise problem

    monkeypatch.setattr(bootstrap, "set_up", fail)
    said(capsys, status)


def test_set_up_once_then_straight_on(place, steps, monkeypatch):
    ran, _ = steps
    handed = []
    monkeypatch.setattr(bootstrap, "hand_over", lambda command: handed.append(command) or 0)
    assert bootstrap.main(["lab", "--port", "9000"]) == 0
    assert len(ran) == 3  # environment, packages, course; this lock pins no uv
    assert bootstrap.main(["lab", "--port", "9000"]) == 0
    assert len(ran) == 3
    assert handed == [[bootstrap.venv_python(), "-m", "autograder.cli", "lab", "--port", "9000"]] * 2


def test_a_changed_lock_or_project_is_installed_in_place(place, steps):
    ran, _ = steps
    bootstrap.main([])
    for name in ("requirements.txt", "pyproject.toml"):
        (place / name).write_text((place / name).read_text() + "# changed\n")
        ran.clear()
        bootstrap.main([])
        assert [line for line in ran if "venv --clear" in line] == []
        assert len(ran) == 2


def test_a_moved_folder_gets_a_new_environment(place, steps):
    ran, _ = steps
    bootstrap.main([])
    stamp = Path(bootstrap.STAMP)
    stamp.write_text(stamp.read_text().replace(str(place), "/elsewhere"))
    Path(bootstrap.venv_python()).unlink()
    Path(bootstrap.venv_python()).parent.rmdir()
    ran.clear()
    bootstrap.main([])
    assert "venv --clear" in ran[0]


def with_uv(place: Path) -> None:
    (place / "requirements.txt").write_text("uv==0.9.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n")


def test_uv_installs_from_the_lock_with_hashes(place, steps):
    ran, _ = steps
    with_uv(place)
    assert bootstrap.main([]) == 0
    fetch, sync = ran[1], ran[2]
    assert "pip" in fetch
    assert "--require-hashes" in fetch
    assert "-m uv pip sync" in sync
    assert "--require-hashes" in sync


def test_pip_does_it_where_there_is_no_uv(place, steps):
    ran, fails = steps
    with_uv(place)
    fails[os.path.join(bootstrap.VENV, "tmp")] = "ERROR: No matching distribution found for uv==0.9.0"
    assert bootstrap.main([]) == 0
    assert ran[2].endswith(f"install --quiet --require-hashes --no-deps --compile -r {bootstrap.LOCK}")


def test_pip_does_it_where_uv_fails(place, steps):
    ran, fails = steps
    with_uv(place)
    fails["uv pip sync"] = "error: something odd"
    assert bootstrap.main([]) == 0
    assert ran[3].endswith(f"install --quiet --require-hashes --no-deps --compile -r {bootstrap.LOCK}")


def test_a_bundle_installs_its_wheel(place, steps):
    ran, _ = steps
    (place / "software").mkdir()
    (place / "software" / "course-1-py3-none-any.whl").touch()
    bootstrap.main([])
    assert ran[-1].endswith("course-1-py3-none-any.whl")


def test_uv_hears_of_pips_index(tmp_path, monkeypatch):
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = http://index.example/simple\nextra-index-url = http://one.example\n  http://two.example\n"
        "[install]\nfind-links = /wheels /more\ntrusted-host = index.example\n"
    )
    for name in [n for n in os.environ if n.startswith(("PIP_", "UV_", "SSL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", "http://mine.example/simple")
    monkeypatch.setenv("UV_INSECURE_HOST", "kept.example")
    environment = bootstrap.index_environment(sys.executable)
    assert environment["UV_DEFAULT_INDEX"] == "http://mine.example/simple"
    assert environment["UV_INDEX"] == "http://one.example http://two.example"
    assert environment["UV_FIND_LINKS"] == "/wheels,/more"
    assert environment["UV_INSECURE_HOST"] == "kept.example"
    assert environment["UV_COMPILE_BYTECODE"] == "1"
    monkeypatch.setenv("UV_COMPILE_BYTECODE", "0")
    assert bootstrap.index_environment(sys.executable)["UV_COMPILE_BYTECODE"] == "0"


def test_no_network_says_so_for_real(tmp_path):
    """The whole script, with an index where nothing listens."""
    for name in ("bootstrap.py", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        closed = listener.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environment |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://127.0.0.1:{closed}/simple",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "1",
    }
    command = [sys.executable, "bootstrap.py", "lab"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == bootstrap.unreachable()
    assert "Making .venv with Python" in done.stdout
