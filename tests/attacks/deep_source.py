"""
what = "Source text that overflows a parser: brackets and operators a hundred thousand deep, in answers and in the quiz."
spoil = ["deep_source"]
[verdicts]
test_mean = ["error in your code", "crashed", "out of memory"]
test_mean_hidden = ["error in your code", "crashed", "out of memory"]
q1 = "could not be read"
q2 = "could not be read"
test_scale = ["error in your code", "crashed", "out of memory", "out of time"]
"""
