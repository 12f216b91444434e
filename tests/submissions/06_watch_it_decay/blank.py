"""
student = "bruno"
kind = "blank"
what = "Opens the release, saves it and hands it in."
[loses]
test_stability = 1
test_stability_hidden = 2
test_stability_edges = 1
test_errors_by_day = 1
test_errors_by_day_peek = 2
test_errors_by_day_corrections = 1
test_honest_record = 1
test_honest_record_threshold = 1
test_honest_record_delays = 1
test_InputWatch = 1
test_InputWatch_quiet = 2
test_InputWatch_moved = 1
test_InputWatch_stuck = 1
test_ErrorWatch = 1
test_ErrorWatch_quiet = 1
test_ErrorWatch_rise = 2
test_ErrorWatch_feed = 1
test_Policy = 1
test_Policy_quiet = 1
test_Policy_sudden = 2
test_Policy_slow = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
