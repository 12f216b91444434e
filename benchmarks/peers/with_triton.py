"""Triton's C++ server with its Python back end and dynamic batching: ``python with_triton.py MODEL PORT``

The wheel of nvidia-pytriton holds the server and the back end. Its own API would add a hop to another process; here the
back end runs the model itself, in ``triton_model.py``.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytriton

path, port = sys.argv[1:]
home = Path(pytriton.__file__).parent / "tritonserver"
work = Path(tempfile.mkdtemp(prefix="triton-", dir=Path.cwd()))  # the caller clears it away

backend = work / "backends" / "python"
shutil.copytree(home / "backends" / "python", backend)
stub = home / "python_backend_stubs" / f"{sys.version_info[0]}.{sys.version_info[1]}" / "triton_python_backend_stub"
shutil.copy(stub, backend)

model = work / "models" / "model"
(model / "1").mkdir(parents=True)
shutil.copy(Path(__file__).with_name("triton_model.py"), model / "1" / "model.py")
shutil.copy(Path(__file__).with_name("model_session.py"), model / "1")
(model / "config.pbtxt").write_text("""
backend: "python"
max_batch_size: 4096
input { name: "input" data_type: TYPE_FP32 dims: [13] }
output { name: "probability" data_type: TYPE_FP32 dims: [2] }
dynamic_batching {}
instance_group { count: 1 kind: KIND_CPU }
""")
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
os.environ |= {"MODEL": path, "LD_LIBRARY_PATH": str(libraries), "PATH": os.pathsep.join(map(str, paths))}
server = home / "bin" / "tritonserver"
os.execv(server, [str(server), *arguments])
