"""
student = "noor"
kind = "blank"
what = "Opens the release, saves it and hands it in."
[loses]
test_compare = 1
test_compare_hidden = 2
test_compare_nan = 1
test_rows_needed = 1
test_rows_needed_hidden = 1
test_export = 1
test_export_hidden = 2
test_export_refuses = 2
test_Runner = 1
test_Runner_hidden = 1
test_Runner_refuses = 1
test_Runner_byte_order = 1
test_Runner_rows = 1
test_Runner_no_rows = 1
test_choose = 1
test_choose_hidden = 2
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
q6 = 1
"""
