"""
student = "desmond"
kind = "malformed"
what = "Right, with the setup, the given writer of files, two hidden tests and a visible one deleted."
damage = ["delete:setup", "delete:given_write_onnx", "delete:test_distil", "delete:test_run_int8_company", "delete:test_choose_edges"]
"""
