"""
student = "camille"
kind = "malformed"
what = "The upload of the exercises broke off half-way; the quiz is whole."
damage = ["truncate:exercises"]
[loses]
test_weigh = 1
test_weigh_hidden = 2
test_weigh_edges = 1
test_Scheduler = 1
test_Scheduler_batches = 2
test_Scheduler_waits = 2
test_Batcher = 1
test_Batcher_callers = 1
test_Batcher_runs = 1
test_Batcher_failures = 1
test_Door = 1
test_Door_bounds = 1
test_Door_deadlines = 2
test_Door_retry_after = 1
test_choose = 1
test_choose_app = 1
test_choose_night = 1
test_fan_out = 1
test_fan_out_hidden = 2
"""
