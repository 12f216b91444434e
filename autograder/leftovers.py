"""Where a grading process keeps its temporary files: in one folder, which goes with it, even when it was killed.

The folder holds a lock for as long as its process lives; the system lets go of it however that ends. The next process
that grades removes the folders whose lock nobody holds. (A process id would not do: another container that shares the
place has the same ones.)
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what a killed process leaves there stays
    fcntl = None

PREFIX, UNFINISHED, LOCK = "grading-", "new-grading-", "lock"

_folders: dict[int, Path] = {}  # by process: a fork must not take its parent's for its own


def folder() -> Path:
    """The folder of this process, made when it is first asked for. To be passed as ``dir`` to :mod:`tempfile`."""
    pid = os.getpid()
    if pid not in _folders:
        base = Path(tempfile.gettempdir()).resolve()
        _sweep(base)
        made = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{pid}-", dir=base))
        _lock(made)
        _folders[pid] = made.rename(base / made.name.removeprefix("new-"))  # others look at it from now on
    return _folders[pid]


@atexit.register
def remove() -> None:
    """Remove this process's folder; the next call of :func:`folder` makes another."""
    if found := _folders.pop(os.getpid(), None):
        shutil.rmtree(found, ignore_errors=True)


def _lock(place: Path) -> int | None:
    """Take the lock in a folder: the file to close to let go of it, ``None`` where another process holds it."""
    if fcntl is None:
        return None
    handle = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sweep(base: Path) -> None:
    """Remove the folders of processes that are gone, of this user."""
    for place in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            mine = not hasattr(os, "geteuid") or place.lstat().st_uid == os.geteuid()
            if mine and not place.is_symlink() and place.is_dir() and (held := _lock(place)) is not None:
                shutil.rmtree(place, ignore_errors=True)
                os.close(held)
