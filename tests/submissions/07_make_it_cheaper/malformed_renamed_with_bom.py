"""
student = "eilidh"
kind = "malformed"
what = "Right, downloaded twice and saved by an editor that writes a byte order mark and Windows line ends."
damage = ["bom", "crlf", "rename"]
"""
