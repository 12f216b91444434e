"""What the numbers of a benchmark depend on."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

import psutil


def machine() -> dict:
    """Cores, processor, memory, system, Python and the load at this moment; nothing that names the machine."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": model,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def described(date: str, about: dict) -> str:
    """One sentence of it, for the head of a table."""
    return (
        f"{date}, {about['cores']} cores ({about['processor']}), {about['memory_gb']} GB, {about['system']}, "
        f"Python {about['python']}; load before the run: {about['load_before']}."
    )
