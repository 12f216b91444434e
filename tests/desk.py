"""A real JupyterLab and a real browser for the tests that need them."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: install it to run the browser tests"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
LAB_SETTINGS = "settings/@jupyterlab/apputils-extension"


@contextmanager
def jupyter(app: str, folder: Path, home: Path) -> Iterator[str]:
    """The address (token included) of ``jupyter APP`` serving ``folder``, with settings of its own under ``home``."""
    token = secrets.token_hex(8)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    places |= {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"}
    places["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
    places["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
    command = [sys.executable, "-m", "jupyter", app, "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.news_url=None", "--LabApp.check_for_updates_class="]
    command[-1] += "jupyterlab.NeverCheckForUpdate"
    home.mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | places | {"PATH": path},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_up(server, f"http://127.0.0.1:{port}/api/status?token={token}", home / "server.log")
        yield f"http://127.0.0.1:{port}/{{path}}?token={token}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_until_up(server: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"Jupyter did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def open_browser() -> Iterator[sync_api.Browser]:
    """A headless Chromium."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_desk(top: Path, browser: sync_api.Browser) -> Iterator[Desk]:
    """A JupyterLab on ``top/work`` (made when missing), with settings of its own under ``top/home``."""
    folder, home = top / "work", top / "home"
    folder.mkdir(exist_ok=True)
    (home / LAB_SETTINGS).mkdir(parents=True)
    (home / LAB_SETTINGS / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with jupyter("lab", folder, home) as url:
        yield Desk(folder, home, url, browser)


@dataclass(frozen=True)
class Desk:
    """A running Lab: ``url`` has a place for the path."""

    folder: Path
    home: Path
    url: str
    browser: sync_api.Browser

    def open(self, notebook: str, theme: str = "Light", height: int = 1500) -> sync_api.Page:
        """A page with the notebook of that path, its kernel idle."""
        theme_file = self.home / LAB_SETTINGS / "themes.jupyterlab-settings"
        theme_file.write_text(f'{{"theme": "JupyterLab {theme}"}}')
        page = self.browser.new_page(viewport={"width": 1100, "height": height})
        page.set_default_timeout(60_000)
        workspace = notebook.removesuffix(".ipynb").replace("/", "-")  # one each: Lab brings back a workspace's tabs
        page.goto(self.url.format(path=f"lab/workspaces/{workspace}/tree/{notebook}"))
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        return page


def run_all(page: sync_api.Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
