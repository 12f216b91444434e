"""
student = "farida"
kind = "malformed"
what = "Right, with the given model and player, a hidden test and a visible one deleted."
damage = ["delete:given_stub", "delete:given_play", "delete:test_Door_deadlines", "delete:test_weigh"]
"""
