"""What every peer serves: the same session, with one thread, asked for probabilities alone."""

import onnxruntime


def session(path: str) -> onnxruntime.InferenceSession:
    """The model in ``path`` on one thread, which waits without spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
