"""
what = "The answer twice, the first try above."
row = "duplicated cell, old metadata, malformed JSON, wrong encoding"
spoil = ["doubled"]
"""
