"""
what = "Named pipes beside the notebook and in its place, which keep whoever opens them waiting."
spoil = ["pipes"]
[verdicts]
q1 = "could not be read"
q2 = "could not be read"
"""
