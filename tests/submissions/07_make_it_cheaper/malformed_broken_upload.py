"""
student = "catalina"
kind = "malformed"
what = "The upload of the exercises broke off half-way; the quiz is whole."
damage = ["truncate:exercises"]
[loses]
test_quantise = 1
test_quantise_hidden = 2
test_quantise_edges = 1
test_run_int8 = 1
test_run_int8_hidden = 2
test_run_int8_company = 1
test_run_int8_clipped = 1
test_compare = 1
test_compare_hidden = 2
test_compare_edges = 1
test_remove_units = 1
test_remove_units_hidden = 2
test_remove_units_dead = 1
test_remove_units_edges = 1
test_distil = 1
test_distil_file = 1
test_distil_quality = 2
test_choose = 1
test_choose_hidden = 2
test_choose_edges = 1
"""
