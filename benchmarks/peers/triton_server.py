"""Triton's C++ server with its Python back end, out of the wheel of nvidia-pytriton.

That package's own API would add a hop to another process; here the back end runs the model itself.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytriton


def become(port: str, config: str, code: Path, *files: Path) -> None:
    """Turn this process into a server of one model, ``model``: its configuration, its code, and what that imports."""
    home = Path(pytriton.__file__).parent / "tritonserver"
    work = Path(tempfile.mkdtemp(prefix="triton-", dir=Path.cwd()))  # the caller clears it away

    backend = work / "backends" / "python"
    shutil.copytree(home / "backends" / "python", backend)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    shutil.copy(home / "python_backend_stubs" / python / "triton_python_backend_stub", backend)

    model = work / "models" / "model"
    (model / "1").mkdir(parents=True)
    shutil.copy(code, model / "1" / "model.py")
    for file in files:
        shutil.copy(file, model / "1")
    (model / "config.pbtxt").write_text(config)
    arguments = [
        f"--model-repository={model.parent}",
        f"--backend-directory={backend.parent}",
        f"--http-port={port}",
        "--http-address=127.0.0.1",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--log-verbose=0",
    ]
    libraries = Path(pytriton.__file__).parents[1] / "nvidia_pytriton.libs"  # the back end looks for them here
    paths = [Path(sys.executable).parent, os.environ["PATH"]]  # the back end asks the first `python3` for its packages
    os.environ |= {"LD_LIBRARY_PATH": str(libraries), "PATH": os.pathsep.join(map(str, paths))}
    server = home / "bin" / "tritonserver"
    os.execv(server, [str(server), *arguments])
