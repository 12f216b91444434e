"""
what = "Hands in the release with every cell tagged to be skipped, allowed to raise, or removed."
row = "test cells tagged `skip-execution`"
answers = "blank"
spoil = ["tags"]
"""
