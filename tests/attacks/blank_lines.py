"""
what = "Hundreds of thousands of blank lines and spaces, on which a careless regular expression spends hours."
spoil = ["blank_lines"]
[verdicts]
test_mean = ["passed", "out of time"]
test_mean_hidden = ["passed", "out of time"]
"""
