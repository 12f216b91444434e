"""The zygote of a process that grades: the one process from which students and examiners are forked.

It is started once, needs seconds to load what assignments use, and may serve other graders of this machine.
:mod:`autograder.zygote` is what runs in it. This module loads little, so that those seconds can begin at once.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder import leftovers
from autograder.environment import environment

START = 60.0  # s that the zygote, or a fork of it, may take to start
MOST_GRADERS = 1_000  # that may wait for one zygote to start

PROGRAM = """\
import gc
gc.disable()  # nothing of what is loaded is garbage, and looking for some takes a tenth of the time
from autograder import zygote
zygote.run()
"""


def possible() -> bool:
    """Whether processes can be forked and shut in on this system."""
    return sys.platform == "linux"


class Zygote:
    """A process that forks students and examiners, and a socket to it. It serves several graders of one machine."""

    def __init__(self, control: socket.socket) -> None:
        self.owner, self.lock, self.control = os.getpid(), threading.Lock(), control
        self.home: Path | None = None  # of a process of our own
        self.address: str | None = None  # where others reach that
        self.process: subprocess.Popen | None = None
        self._there: list[socket.socket] = []  # what it gets: its end of the control, and the door for other graders

    @classmethod
    def own(cls) -> Zygote:
        """One of this process's own, got ready; :meth:`start` starts it."""
        control, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        one = cls(control)
        one.home = Path(tempfile.mkdtemp(prefix="zygote-", dir=leftovers.folder())).resolve()
        one._there.append(there)
        door, address = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET), str(one.home / "zygote")
        try:
            door.bind(address)
            door.listen(MOST_GRADERS)
        except OSError:  # the path is too long for a socket: each grader starts a process of its own
            door.close()
        else:
            one._there.append(door)
            one.address = address
        return one

    @classmethod
    def at(cls, address: str) -> Zygote:
        """The zygote of another grader, which got ready or started it. Raises ``OSError`` where it is gone."""
        one = cls(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        one.control.connect(address)
        return one

    def start(self) -> None:
        """Start the process, unless it was started; nothing waits for it until it is asked."""
        if self.process is not None:
            return
        fds = [one.fileno() for one in self._there]
        # -P: no file in the working directory is taken for a module
        command = [sys.executable, "-P", "-c", PROGRAM, str(self.home), *map(str, fds)]
        self.process = subprocess.Popen(
            command,
            env=environment(self.home),
            cwd=self.home,
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # the terminal's interrupt is the grader's to handle
        )
        self._give_up()

    def _give_up(self) -> None:
        """Close what is the process's own."""
        for one in self._there:
            one.close()

    @cached_property
    def offered(self) -> tuple[str, ...]:
        """The protections that this machine offers; waits for the process to be there."""
        with self.lock:  # several submissions may be looked after by threads, and it is said once
            if (heard := self.__dict__.get("offered")) is not None:
                return heard
            try:
                self.control.settimeout(START)
                heard = tuple(json.loads(self.control.recv(10_000))["offered"])
            except (OSError, ValueError) as problem:
                self.close()
                raise RuntimeError(f"The process that runs notebooks did not start: {problem}") from problem
            self.__dict__["offered"] = heard
            return heard

    @property
    def lives(self) -> bool:
        """Whether it can be asked, by this process."""
        ours = self.owner == os.getpid() and self.control.fileno() >= 0
        return ours and (self.process is None or self.process.poll() is None)

    def ask(self, request: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        """Send a request and wait for its reply."""
        _ = self.offered  # waits for it: it is the first thing that is sent
        with self.lock:
            socket.send_fds(self.control, [json.dumps(request).encode()], list(fds))
            reply = self.control.recv(10_000)
        if not reply:
            self.control.close()
        reply = json.loads(reply or b'{"problem": "the zygote is gone"}')
        if "problem" in reply:
            raise RuntimeError(f"No process could be started: {reply['problem']}")
        return reply

    def close(self) -> None:
        """End it, if it is this process's own, and all children that were asked for here."""
        self.control.close()
        if self.owner != os.getpid() or self.home is None:
            return
        self._give_up()
        if self.process is not None:
            if "offered" not in self.__dict__:
                self.process.kill()  # it still starts, and nobody asked it for anything
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


_current: Zygote | None = None
_elsewhere: str | None = None


def get_ready() -> str | None:
    """Where other graders on this machine can reach this process's zygote, which need not have been started.

    ``None`` where there can be none, or none that others could reach.
    """
    global _current
    if not possible():
        return None
    if _current is None or not _current.lives:
        _current = Zygote.own()
    return _current.address


def share(address: str | None) -> None:
    """Use the zygote of another process from now on, as long as it is there."""
    global _elsewhere
    _elsewhere = address


def start() -> None:
    """Start the zygote of this process, so that it is there when the first notebook comes."""
    if possible():
        get_ready()
        _current.start()


def current() -> Zygote:
    """The zygote of this process, or the one that it shares, started when there is none."""
    global _current, _elsewhere
    if _current is None or not _current.lives:
        _current = None
        if _elsewhere is not None:
            try:
                _current = Zygote.at(_elsewhere)
            except OSError:
                _elsewhere = None
        _current = _current or Zygote.own()
    if _current.home is not None:
        _current.start()
    return _current


@atexit.register
def stop() -> None:
    """End the zygote of this process, if there is one. The next notebook starts another."""
    global _current
    if _current is not None and _current.owner == os.getpid():
        _current.close()
    _current = None
