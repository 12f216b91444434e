"""Where submissions are graded: threads or processes of this machine, or a Dask cluster's workers; by joblib."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from autograder import leftovers, zygotes
from autograder.course import CourseError

THREADS = 4
"""Up to so many submissions at once are looked after by threads of this process, which need no time to start.

Students' code and tests run in processes of their own in any case. What is left to do keeps an eighth of a core busy
for each submission at once, and only one thread at a time does it: with more, processes are worth their start.
"""

LOOK = 0.5  # s between two looks of a worker at whether its grader lives
CONNECT = 10  # s that a scheduler may take to answer


@contextmanager
def workers(dask: str | None, jobs: int | None) -> Iterator[int | None]:
    """Make joblib use the cluster whose scheduler is at the address ``dask``, or this machine where that is ``None``.

    Yields how many submissions run at once; ``None`` where nobody said. Raises :class:`CourseError` when there is no
    such cluster, or its workers grade several submissions in one process.
    """
    if dask is None:
        backend = {"backend": "threading"}
        if (jobs or joblib.cpu_count()) > THREADS:
            backend = {"backend": "loky", "initializer": _settle, "initargs": (os.getpid(), zygotes.get_ready())}
        with joblib.parallel_config(**backend):
            yield jobs
        return
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(f"{dask}: a Dask cluster needs this course's extra `scale`: install that.") from None
    try:
        client = Client(dask, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as problem:
        raise CourseError(f"No Dask scheduler answers at {dask}: start one with `dask scheduler`.") from problem
    with client:
        threads = client.nthreads()
        if not threads:
            raise CourseError(f"The scheduler at {dask} has no workers: start some with `dask worker {dask}`.")
        if max(threads.values()) > 1:
            raise CourseError(
                "A Dask worker grades one submission at a time: start the workers with `--nthreads 1`, and as many as "
                "there are cores with `--nworkers`."
            )
        joblib.register_parallel_backend(_BACKEND, _backend())
        with joblib.parallel_config(backend=_BACKEND, n_jobs=-1, client=client):
            yield len(threads)


def _settle(grader: int, zygote: str | None) -> None:
    """Give this worker a scratch folder of its own, and end it when the process that grades the class is gone.

    It forks from the zygote of that process: to start one takes longer than to grade several submissions.

    That process may have been killed; joblib's workers would wait minutes for its next word, beside a new run.
    """
    zygotes.share(zygote)
    folder = tempfile.tempdir = str(leftovers.folder())

    def watch() -> None:
        while os.getppid() == grader:
            time.sleep(LOOK)
        for _ in range(3):  # the work under way may still write there
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    if os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()


_BACKEND = "course-dask"


def _backend() -> type:
    """joblib's backend for Dask, which tells of a task that failed: joblib's own says nothing, and the run would wait.

    A task whose workers were killed, again and again, ends with the error that joblib's processes give.
    """
    from distributed.scheduler import KilledWorker
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):
        def submit(self, func, callback=None):
            def tell(future: Future) -> None:
                if future.exception() is not None:
                    callback(future)

            future = super().submit(func, callback)
            future.add_done_callback(tell)
            return future

        def retrieve_result_callback(self, out):
            if not isinstance(out, Future):
                return super().retrieve_result_callback(out)
            problem = out.exception()
            reason = (str(problem).strip() or "no reason given").splitlines()[0]
            if isinstance(problem, KilledWorker):
                raise TerminatedWorkerError(reason) from problem
            raise CourseError(
                f"The Dask cluster failed ({type(problem).__name__}: {reason}): start again, what was graded is kept."
            ) from problem

    return Backend


def processes(jobs: int | None, submissions: int) -> int:
    """How many submissions run at once. With 1, they run in this process."""
    return jobs if jobs == 1 else max(2, min(jobs or joblib.cpu_count(), submissions))
