"""
student = "nikos"
kind = "malformed"
what = "Right, with the given server, a hidden test and a visible one deleted."
damage = ["delete:given_server", "delete:given_application", "delete:test_respond_statuses", "delete:test_unpack"]
"""
