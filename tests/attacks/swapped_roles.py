"""
what = "Tests that call themselves answers, answers that call themselves tests, with text that passes."
row = "duplicated cell, old metadata, malformed JSON, wrong encoding"
answers = "blank"
spoil = ["softened_tests", "swapped_roles"]
"""
