"""
student = "sibel"
kind = "wrong"
what = "Says nothing, whatever comes."
[loses]
test_ErrorWatch = 1
test_ErrorWatch_quiet = 1
test_ErrorWatch_rise = 2
test_ErrorWatch_feed = 1
"""
# %% [exercises] ErrorWatch
class ErrorWatch:
    def __init__(self, reference):
        self.reference = reference

    def day(self, errors):
        return None
