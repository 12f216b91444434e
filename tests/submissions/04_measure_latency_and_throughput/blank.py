"""
student = "bela"
kind = "blank"
what = "Opens the release, saves it and hands it in."
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
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
