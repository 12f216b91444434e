"""Numbers on the command line: each says in a sentence what it would have been."""

from __future__ import annotations

import argparse
import re


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def seconds(text: str) -> float:
    """A length of time, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds of 0 or more")
    return value


UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def size(text: str) -> int:
    """A number of bytes, with or without a unit: ``64MB`` are 64 million, ``64MiB`` somewhat more."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?[iI]?[bB])?", text)
    unit = (found[2] or "").upper().removeprefix("B") if found else "?"
    if unit not in UNITS or not (bytes := int(float(found[1]) * UNITS[unit])):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory, such as 64MB or 1.5GiB")
    return bytes
