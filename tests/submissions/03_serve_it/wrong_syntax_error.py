"""
student = "rosa"
kind = "wrong"
what = "Leaves a bracket open in respond: the other exercises still count."
[loses]
test_respond = 1
test_respond_answers = 1
test_respond_statuses = 2
test_respond_readiness = 1
"""
# %% [exercises] respond
LARGEST = 1_000_000


def respond(method, path, headers, body, models:
    return 200, {}, b""
