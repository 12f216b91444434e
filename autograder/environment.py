"""The environment variables of a kernel, and the folders that they name: the same wherever a notebook is graded."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

FONT_LISTS = "fontlist-*.json"
"""What Matplotlib knows of the fonts of a machine, in its cache."""


def environment(home: Path) -> dict[str, str]:
    """What a kernel sees: nothing of the instructor's environment but where Python and its libraries are.

    Makes the folders that Jupyter and Matplotlib look for in ``home``, which is empty.
    """
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    folders = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    for folder in folders.values():
        os.makedirs(folder)
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **kept,
        **folders,
        **dict.fromkeys(threads, "1"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "JUPYTER_RUNTIME_DIR": str(home),
        "MPLCONFIGDIR": str(_font_cache(home)),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "NBGRADER_EXECUTION": "autograde",
    }


def _font_cache(home: Path) -> Path:
    """A Matplotlib folder that already knows the fonts: finding them anew takes seconds."""
    found, target = _font_lists(), home / "matplotlib"
    target.mkdir()
    for file in found:
        shutil.copyfile(file, target / file.name)
    return target


def _font_lists() -> list[Path]:
    if sys.platform == "linux":  # where Matplotlib looks, without the time that importing it takes
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        if found := list(Path(os.environ.get("MPLCONFIGDIR") or caches / "matplotlib").glob(FONT_LISTS)):
            return found
    import matplotlib
    import matplotlib.font_manager  # writes one where there is none

    return list(Path(matplotlib.get_cachedir()).glob(FONT_LISTS))
