"""
what = "Handed in as released."
answers = "blank"
"""
