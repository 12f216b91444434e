"""
student = "oksana"
kind = "malformed"
what = "Right, but both files were downloaded twice and saved by an editor that writes a byte order mark."
damage = ["bom", "rename"]
"""
