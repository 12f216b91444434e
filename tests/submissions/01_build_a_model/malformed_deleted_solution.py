"""
student = "henrik"
kind = "malformed"
what = "Deleted the cell of one exercise; the others are right."
damage = ["delete:evaluate"]
[loses]
test_evaluate = 1
test_evaluate_hidden = 2
"""
