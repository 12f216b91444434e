"""
what = "A version number of a million digits."
spoil = ["endless_number"]
[verdicts]
test_mean = "could not be read"
test_mean_hidden = "could not be read"
test_scale = "could not be read"
test_count = "could not be read"
test_save = "could not be read"
test_tally = "could not be read"
test_countdown = "could not be read"
test_root = "could not be read"
"""
