"""The model behind every peer: a device that needs a known time for each row, and does one request after another.

It sleeps instead of computing, so that it needs no processor and takes as long on a busy machine. Settings come as
environment variables: ``SERVICE`` is the time for a row in s, ``LIMIT`` how many requests may be in the server at once
(0: the peer as it comes), ``DEADLINE`` what a user waits at most, in s.
"""

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

SERVICE, LIMIT, DEADLINE = float(os.environ["SERVICE"]), int(os.environ["LIMIT"]), float(os.environ["DEADLINE"])
PATIENCE = 0.8 * DEADLINE  # s that a request may wait, where a peer can be told so: what remains is for its answer


class Device:
    """First come, first served, as the command queue of an accelerator."""

    def __init__(self) -> None:
        self._queue = ThreadPoolExecutor(1)

    def submit(self, rows: np.ndarray) -> Future:
        """The rows themselves, (n, 1), once it had the time for them."""
        return self._queue.submit(run, rows)


def run(rows: np.ndarray) -> np.ndarray:
    """Take the time for ``rows`` and give them back."""
    time.sleep(SERVICE * len(rows))
    return rows
