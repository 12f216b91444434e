"""What a monitor took, from the moment at which its data lay in memory."""

import contextlib
import json
import re
import time
from pathlib import Path


def memory(what: str) -> float:
    """MB that this process holds (``VmRSS``) or has held at most (``VmHWM``); Linux only, elsewhere NaN."""
    with contextlib.suppress(OSError):
        return int(re.search(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    return float("nan")


class Meter:
    """CPU seconds and memory from here on."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the most so far is what it holds now
        self.before = memory("VmRSS")
        self.start = time.process_time()

    def tell(self, rows: int, **found: object) -> None:
        """Print it all as JSON."""
        cpu, peak = time.process_time() - self.start, memory("VmHWM")
        print(json.dumps({"cpu_s": cpu, "rows": rows, "peak_mb": peak - self.before, "process_mb": peak, **found}))
