"""
what = "Test cells that hold nothing that could fail, are Markdown, or are gone."
answers = "blank"
spoil = ["softened_tests"]
"""
