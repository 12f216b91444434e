"""What all benchmarks share: the machine that their numbers depend on, and where these are kept."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "results"
BUSY_MACHINE = 0.7  # load average from which on what hangs on the processor is not to be trusted


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


def caution(about: dict, what: str) -> list[str]:
    """The line below it that says ``what`` follows where other programs were running; none where there were none."""
    return [f"**Other programs were running: {what}**"] if about["load_before"] > BUSY_MACHINE else []


def keep(name: str, found: dict, table: str) -> None:
    """Print the table and write it, with the raw numbers beside it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text(table)
    print(table)
