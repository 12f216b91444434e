"""
what = "Renamed by the browser, in a folder of the archive."
spoil = ["renamed", "in_a_folder"]
"""
