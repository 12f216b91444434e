"""Watches over what submissions hold of the machine's memory: one process beside the zygote, out of a student's reach.

Each submission's first process registers itself before it runs a line of the student's. From then on its whole tree is
looked at from outside, where nothing that it does to itself can hide it: memory, its page tables, and its sockets,
whose contents count for nobody. A tree that holds too much is killed, and whoever asked for it is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from autograder import sandbox

LOOK = 0.25  # s between the end of a look at memory and the next
MOST_TOLD = 100  # processes of which the memory is told
CLOSER = 1 << 30  # bytes, below which most is the zygote's, and shared: a closer look costs milliseconds a process


@dataclass(frozen=True)
class _Watched:
    """A submission: its first process, the socket to its grader, and the bytes that it may hold."""

    handle: int
    pid: int
    helm: socket.socket
    memory: int
    own_network: bool


def register(door: int, helm: int, memory: int, own_network: bool) -> None:
    """Have this process, first of its tree, watched by the one at the other end of ``door``.

    ``helm`` is a socket to the grader: it is told there when the tree held more than ``memory`` bytes, and finds it
    closed when this process has ended. Raises ``OSError`` where nobody watches any more.
    """
    handle = os.pidfd_open(os.getpid())
    with socket.socket(fileno=os.dup(door)) as there:
        socket.send_fds(there, [json.dumps([memory, own_network]).encode()], [handle, helm])
    os.close(handle)


def serve(door: int) -> NoReturn:
    """The life of the process that watches: until all others have closed their end of ``door``."""
    with _Watch(socket.socket(fileno=door)) as watch:
        while watch.wait():
            watch.look()
    os._exit(0)


class _Watch:
    """All that are watched. At the end of the context they are killed."""

    def __init__(self, door: socket.socket) -> None:
        self.door, self.all = door, set()
        self.following = 0.0  # when to look again
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(door, selectors.EVENT_READ)

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        for one in list(self.all):
            self.end(one)

    def wait(self) -> bool:
        """Wait until it is time to look again, or something happens; ``False`` when nobody needs this any more."""
        for key, _ in self.waiting.select(max(0.0, self.following - time.monotonic()) if self.all else None):
            if key.fileobj is not self.door:
                self.end(key.data)  # it has ended, or its grader is gone: nothing else is ever sent
            elif not self.welcome():
                return False
        return True

    def welcome(self) -> bool:
        """Watch one more; ``False`` when no more can come."""
        data, fds, _, _ = socket.recv_fds(self.door, 1_000, 2)
        if not data:
            return False
        handle, helm = fds
        pid = int(Path(f"/proc/self/fdinfo/{handle}").read_text().partition("\nPid:")[2].split()[0])
        one = _Watched(handle, pid, socket.socket(fileno=helm), *json.loads(data))
        self.all.add(one)
        for source in (one.handle, one.helm):
            self.waiting.register(source, selectors.EVENT_READ, one)
        return True

    def look(self) -> None:
        """End those that hold too much, if it is time to look."""
        if time.monotonic() < self.following:
            return
        for one in list(self.all):
            if held := _too_much(one):
                with contextlib.suppress(OSError):
                    one.helm.send(json.dumps({"memory": held[:MOST_TOLD]}).encode())
                self.end(one)
        self.following = time.monotonic() + LOOK

    def end(self, one: _Watched) -> None:
        """Kill a submission's tree and forget it; its grader finds the socket closed."""
        if one not in self.all:
            return  # both its process and its grader were gone
        self.all.remove(one)
        self.waiting.unregister(one.handle)
        self.waiting.unregister(one.helm)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(one.handle, signal.SIGKILL)
        os.close(one.handle)
        one.helm.close()


def _too_much(one: _Watched) -> list[tuple[int, int]]:
    """Numbers (in their own tree) and bytes of a submission's processes, largest first; nothing within bounds.

    The first process has number 0. Shared pages count by share, where that can be seen.
    """
    tree = [one.pid, *sandbox.descendants(one.pid)]
    sockets = _sockets(one.pid) if one.own_network else 0
    states = {pid: state for pid in tree if (state := _state(pid)) is not None}
    if sum(resident + tables for _, resident, tables in states.values()) + sockets < min(CLOSER, one.memory):
        return []
    held = {pid: tables + _share(pid, resident) for pid, (_, resident, tables) in states.items()}
    if one.pid in held:
        held[one.pid] += sockets
    if sum(held.values()) <= one.memory:
        return []
    return sorted(((states[pid][0], size) for pid, size in held.items()), key=lambda pair: pair[1], reverse=True)


def _state(pid: int) -> tuple[int, int, int] | None:
    """The number of a process in its own tree, its resident bytes, and those of its page tables."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    number = [0, *sandbox.numbers(text)][-1]
    return 0 if number == 1 else number, _kilobytes(text, "\nVmRSS:"), _kilobytes(text, "\nVmPTE:")


def _kilobytes(text: str, name: str) -> int:
    found = text.partition(name)[2].split(maxsplit=1)
    return int(found[0]) * 1024 if found else 0


def _share(pid: int, resident: int) -> int:
    """The bytes of a process with shared pages by share; all of them where it does not let itself be looked into."""
    try:
        return _kilobytes(Path(f"/proc/{pid}/smaps_rollup").read_text(), "Pss:")
    except OSError:
        return resident


def _sockets(pid: int) -> int:
    """Bytes that the sockets in a process's network may hold: as many as the system grants each, both ways."""
    try:
        used = int(Path(f"/proc/{pid}/net/sockstat").read_text().split(maxsplit=3)[2])
        return used * 2 * int(Path("/proc/sys/net/core/wmem_max").read_text())
    except (OSError, ValueError, IndexError):
        return 0
