"""
student = "kaan"
kind = "blank"
what = "Opens the release, saves it and hands it in."
[loses]
test_to_array = 1
test_to_array_values = 1
test_to_array_refusals = 2
test_to_tensor = 1
test_to_tensor_hidden = 2
test_unpack = 1
test_unpack_hidden = 1
test_unpack_refusals = 2
test_Model = 1
test_Model_hidden = 2
test_Model_refusals = 1
test_respond = 1
test_respond_answers = 1
test_respond_statuses = 2
test_respond_readiness = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
