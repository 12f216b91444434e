"""
student = "xenia"
kind = "malformed"
what = "Right, with the given service and two tests deleted, in an old notebook format."
damage = ["delete:given_service", "delete:test_open_loop_freeze", "delete:test_waits", "nbformat3"]
"""
