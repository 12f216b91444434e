"""
what = "Folders called like the notebooks."
spoil = ["notebook_is_a_folder"]
[verdicts]
test_mean = ["could not be read", "not attempted"]
test_mean_hidden = ["could not be read", "not attempted"]
test_scale = ["could not be read", "not attempted"]
test_count = ["could not be read", "not attempted"]
test_save = ["could not be read", "not attempted"]
test_tally = ["could not be read", "not attempted"]
test_countdown = ["could not be read", "not attempted"]
test_root = ["could not be read", "not attempted"]
q1 = ["could not be read", "not attempted"]
q2 = ["could not be read", "not attempted"]
"""
