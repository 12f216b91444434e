"""
what = "Windows line ends and a byte order mark."
spoil = ["crlf", "bom"]
"""
