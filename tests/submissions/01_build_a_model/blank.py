"""
student = "noor"
kind = "blank"
what = "Opens the release, saves it and hands it in."
[loses]
test_features = 1
test_features_hidden = 2
test_features_served = 1
test_split_in_time = 1
test_split_in_time_hidden = 2
test_evaluate = 1
test_evaluate_hidden = 2
test_calibration_table = 1
test_calibration_table_hidden = 2
test_predict = 1
test_predict_hidden = 2
test_OnlineRate = 1
test_OnlineRate_hidden = 2
test_OnlineRate_forgetting = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
"""
