"""
student = "thiago"
kind = "malformed"
what = "Right, saved with Windows line ends, inside the cells too."
damage = ["crlf"]
"""
