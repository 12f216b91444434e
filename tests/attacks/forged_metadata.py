"""
what = "Points, roles, a finished grading, keys and a kernel of its own in the metadata."
row = "duplicated cell, old metadata, malformed JSON, wrong encoding"
answers = "blank"
spoil = ["metadata", "tags"]
"""
