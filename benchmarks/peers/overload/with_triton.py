"""Triton with its Python back end, whose queue can be bounded in length and time. ``python with_triton.py PORT``"""

import sys
from pathlib import Path

from device import LIMIT, PATIENCE

here = Path(__file__).parent
sys.path.append(str(here.parent))
import triton_server  # noqa: E402

policy = f"""
dynamic_batching {{
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: {PATIENCE * 1e6:.0f}
    max_queue_size: {LIMIT}
  }}
}}
"""
CONFIG = f"""
backend: "python"
max_batch_size: 1
input {{ name: "input" data_type: TYPE_FP32 dims: [1] }}
output {{ name: "output" data_type: TYPE_FP32 dims: [1] }}
instance_group {{ count: 1 kind: KIND_CPU }}
{policy if LIMIT else ""}
"""
triton_server.become(sys.argv[1], CONFIG, here / "triton_model.py", here / "device.py")
