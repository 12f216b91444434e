"""
student = "dilan"
kind = "malformed"
what = "Right, with the given machine, the setup cell and some tests deleted."
damage = ["delete:setup", "delete:given_machine", "delete:given_play", "delete:test_Fleet_once", "delete:test_cheapest"]
"""
