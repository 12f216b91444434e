"""
student = "bruno"
kind = "blank"
what = "Opens the release, saves it and hands it in."
[loses]
test_by_capacity = 1
test_by_capacity_hidden = 2
test_by_capacity_pinned = 1
test_Fleet = 1
test_Fleet_memory = 2
test_Fleet_once = 1
test_Fleet_drops = 1
test_Fleet_failures = 1
test_FairQueue = 1
test_FairQueue_shares = 2
test_FairQueue_pauses = 1
test_FairQueue_neighbour = 1
test_capacity = 1
test_capacity_hidden = 2
test_bill = 1
test_bill_hidden = 2
test_bill_edges = 1
test_cheapest = 1
test_cheapest_choice = 2
test_cheapest_reasons = 1
q1 = 1
q2 = 1
q3 = 1
q4 = 1
q5 = 1
"""
