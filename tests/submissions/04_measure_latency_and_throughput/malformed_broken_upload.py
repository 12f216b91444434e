"""
student = "ansel"
kind = "malformed"
what = "The upload of the exercises broke off half-way; the quiz is whole."
damage = ["truncate:exercises"]
[loses]
test_arrivals = 1
test_arrivals_stages = 1
test_arrivals_poisson = 2
test_open_loop = 1
test_open_loop_freeze = 2
test_open_loop_failures = 2
test_open_loop_late = 1
test_waits = 1
test_waits_hidden = 2
test_Histogram = 1
test_Histogram_hidden = 2
test_Histogram_merge = 1
test_Histogram_refuses = 1
test_report = 1
test_report_rates = 2
test_report_void = 1
"""
