"""
student = "lars"
kind = "malformed"
what = "The upload of the exercises broke off half-way; the quiz is whole."
damage = ["truncate:exercises"]
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
"""
