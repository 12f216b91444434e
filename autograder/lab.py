"""JupyterLab at the first lesson, on this machine only, untouched by the settings of other projects."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from autograder.course import COURSE_ID, CourseError

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 8888, 8987
FIRST_LESSON = "notebooks/00_start_here.ipynb"

NOBODYS = ("@jupyterlab/apputils-extension:announcements",)
"""Parts of JupyterLab that are off: news and the look for updates ask the internet."""

INSTRUCTORS = tuple(
    f"@jupyter/nbgrader:{part}" for part in ("assignment-list", "course-list", "create-assignment", "menu")
)
"""Parts of nbgrader that are off in a student's copy of the course; Validate stays."""

QUIET_KERNELS = "get_config().IPKernelApp.log_level = 40  # each start would warn that loopback is not encrypted\n"


def start(folder: Path, port: int | None = None, browser: bool = True) -> int:
    """Run JupyterLab for the course around ``folder`` until it is stopped; returns its exit status.

    ``port`` is taken as given; without one it is 8888 or the next free one. ``browser=False`` prints the
    address and opens nothing, as happens where there is no browser. Raises :class:`CourseError` when there is
    no course, the port is in use, or the course folder cannot be written.
    """
    root = course_folder(folder)
    port = free_port() if port is None else wanted_port(port)
    os.environ.update(isolated(root / ".jupyter"))
    for name in ("PYTHONPATH", "PYTHONHOME", "JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):
        os.environ.pop(name, None)
    token = os.environ["JUPYTER_TOKEN"] = secrets.token_hex(24)  # not as an argument: those can be listed by others
    opening = FIRST_LESSON if (root / FIRST_LESSON).exists() else ""
    address = f"http://{HOST}:{port}/lab/tree/{opening}?token={token}"
    threading.Thread(target=_announce, args=(port, address, browser and has_browser()), daemon=True).start()
    os.chdir(root)
    from jupyterlab.labapp import main  # after the environment is set: it is read on import

    return main(arguments(root, port)) or 0


def course_folder(folder: Path) -> Path:
    """The root of the course that ``folder`` lies in: the one that holds ``bootstrap.py``."""
    for root in (folder.resolve(), *folder.resolve().parents):
        if (root / "bootstrap.py").is_file():
            return root
    raise CourseError(f"{folder} is not inside the course: go to the folder that holds bootstrap.py.")


def arguments(root: Path, port: int) -> list[str]:
    """The command line of JupyterLab."""
    return [
        "--no-browser",
        f"--ServerApp.ip={HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.allow_root=True",
        "--ServerApp.answer_yes=True",
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
        "--LabApp.extension_manager=readonly",  # the other one asks a package index what could be installed
    ]


def isolated(folder: Path) -> Mapping[str, str]:
    """Environment that keeps Jupyter's settings in ``folder`` (made here), so that the user's own break nothing."""
    students_copy = not (folder.parent / "nbgrader_config.py").exists()
    off = dict.fromkeys([*NOBODYS, *(INSTRUCTORS if students_copy else ())], True)
    try:
        write(folder / "labconfig" / "page_config.json", json.dumps({"disabledExtensions": off}))
        write(folder / "ipython" / "profile_default" / "ipython_kernel_config.py", QUIET_KERNELS)
        if students_copy:  # nbgrader warns when it finds no configuration at all
            write(folder / "nbgrader_config.py", f"get_config().CourseDirectory.course_id = {COURSE_ID!r}\n")
    except OSError as problem:
        raise CourseError(f"{folder.parent} is not writable ({problem.strerror}): copy the course elsewhere.") from None
    return {
        "JUPYTER_CONFIG_DIR": str(folder),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def write(path: Path, text: str) -> None:
    """Write a small file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def is_free(port: int) -> bool:
    """Whether a server of ours could listen on ``port``."""
    with socket.socket() as probe:
        if os.name == "posix":  # as the server does: a port that was closed a moment ago is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """8888 or the next free port."""
    for port in range(FIRST_PORT, LAST_PORT + 1):
        if is_free(port):
            return port
    raise CourseError(f"Ports {FIRST_PORT} to {LAST_PORT} are all in use: name a free one with --port.")


def wanted_port(port: int) -> int:
    """``port``, if it can be used."""
    if not 0 < port < 65536:
        raise CourseError(f"{port} is not a port: choose one from 1024 to 65535.")
    if not is_free(port):
        raise CourseError(f"Port {port} is in use or not allowed: stop what uses it, or choose another with --port.")
    return port


def has_browser() -> bool:
    """Whether a graphical browser can be opened here."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False  # webbrowser would find a text browser, which cannot show JupyterLab
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _announce(port: int, address: str, browser: bool) -> None:
    """Say where JupyterLab is as soon as it answers, and open it."""
    while not _answers(port):
        time.sleep(0.1)
    print(f"\nJupyterLab runs at\n\n    {address}\n\nCtrl-C here ends it.", flush=True)
    if browser:
        webbrowser.open(address)


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
