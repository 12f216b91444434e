"""
what = "A tool dropped ids and metadata of all cells."
spoil = ["no_names"]
"""
