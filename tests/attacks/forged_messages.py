"""
what = "Well-framed messages to the grader that no kernel sends: wrong types, wrong numbers, depth, half characters, NaN."
limits = "small"
[verdicts]
test_mean = ["failed", "error in your code", "crashed", "out of time"]
test_mean_hidden = ["failed", "error in your code", "crashed", "out of time"]
test_scale = ["passed", "error in your code", "crashed", "out of time"]
test_count = ["passed", "error in your code", "crashed", "out of time"]
test_save = ["passed", "error in your code", "crashed", "out of time"]
test_tally = ["passed", "error in your code", "crashed", "out of time"]
test_countdown = ["passed", "error in your code", "crashed", "out of time"]
test_root = ["passed", "error in your code", "crashed", "out of time"]
"""
# %% [exercises] mean
import json, os, stat, struct

half = "\\ud800"
texts = [
    '{"msg_type": "stream", "content": {"name": "stdout", "text": "%s"}}' % half,
    '{"msg_type": "stream", "content": {"name": "%s", "text": 5}}' % half,
    '{"msg_type": "stream", "content": {"name": [], "text": {}}}',
    '{"msg_type": "display_data", "content": {"data": {"text/html": "%s", "image/png": 5, "%s": null}, "metadata": []}}' % (half, half),
    '{"msg_type": "display_data", "content": {"data": [1], "metadata": null, "transient": 7}}',
    '{"msg_type": "execute_result", "content": {"data": {"text/plain": ["a", 1]}, "metadata": {}, "execution_count": "x"}}',
    '{"msg_type": "error", "content": {"ename": {}, "evalue": [], "traceback": 5}}',
    '{"msg_type": "error", "content": {"ename": "%s", "evalue": "%s", "traceback": ["%s"]}}' % (half, half, half),
    '{"msg_type": "update_display_data", "content": {"data": {}, "metadata": {}, "transient": {"display_id": []}}}',
    '{"msg_type": "clear_output", "content": {"wait": []}}', '{"msg_type": [], "content": []}', '[]', 'null', '5', '"x"', '{}', '{',
    '{"msg_type": "display_data", "content": {"data": {"application/json": %s}, "metadata": {}}}' % ("[" * 500 + "]" * 500),
    '{"msg_type": "display_data", "content": {"data": {"application/json": NaN}, "metadata": {"a": Infinity}}}',
    '{"msg_type": "comm_open", "content": {"comm_id": [], "data": {}, "target_name": 5}}', '{"msg_type": "status", "content": null}',
    '{"done": {"status": "ok", "execution_count": 10, "ename": []}, "number": 0}', '{"done": null, "number": 1}',
    '{"done": 5, "number": []}', '{"done": {"status": "error", "ename": [], "evalue": {}, "traceback": 7}, "number": %d}',
]

def forge(last):
    for handle in range(3, 300):
        try:
            if not stat.S_ISSOCK(os.fstat(handle).st_mode):
                continue
            os.set_blocking(handle, False)
            for text in texts:
                for number in range(last) if "%d" in text else [0]:
                    data = (text % number if "%d" in text else text).encode()
                    os.write(handle, struct.pack("<I", len(data)) + data)
            os.set_blocking(handle, True)
        except OSError:
            pass

def mean(values):
    forge(30)
    return 0

forge(8)
