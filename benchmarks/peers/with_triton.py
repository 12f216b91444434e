"""Triton's C++ server with its Python back end and dynamic batching: ``python with_triton.py MODEL PORT``"""

import os
import sys
from pathlib import Path

import triton_server

path, port = sys.argv[1:]
here = Path(__file__).parent
CONFIG = """
backend: "python"
max_batch_size: 4096
input { name: "input" data_type: TYPE_FP32 dims: [13] }
output { name: "probability" data_type: TYPE_FP32 dims: [2] }
dynamic_batching {}
instance_group { count: 1 kind: KIND_CPU }
"""
os.environ["MODEL"] = path
triton_server.become(port, CONFIG, here / "triton_model.py", here / "model_session.py")
