"""
what = "Three thousand files and folders forty deep; the notebook is right."
spoil = ["many_files", "odd_names"]
"""
