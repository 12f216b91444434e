"""Becoming an ordinary user, for tests that root runs."""

from __future__ import annotations

import ctypes
import os
import sys

NUMBER = 65534


def become() -> None:
    """Turn this process, of root's, into one of nobody's that still finds Python. It must have one thread."""
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(*arguments: object) -> None:
        assert libc.mount(*arguments) == 0, os.strerror(ctypes.get_errno())

    home = "/" + sys.base_prefix.split("/")[1]
    if not os.stat(home).st_mode & 1:  # Python lies where nobody may go: show it, and only it, there
        kept = b"/srv"
        assert libc.unshare(0x20000) == 0
        mount(b"none", b"/", None, 16384 | 1 << 18, None)
        mount(sys.base_prefix.encode(), kept, None, 4096 | 16384, None)
        mount(b"tmpfs", home.encode(), b"tmpfs", 0, b"mode=755")
        os.makedirs(sys.base_prefix)
        mount(kept, sys.base_prefix.encode(), None, 4096 | 16384, None)
    os.setgroups([])
    os.setresgid(NUMBER, NUMBER, NUMBER)
    os.setresuid(NUMBER, NUMBER, NUMBER)
