"""
student = "uma"
kind = "malformed"
what = "Right, downloaded twice and saved with a byte order mark; an exercise was deleted by mistake."
damage = ["bom", "rename", "delete:rows_needed"]
[loses]
test_rows_needed = 1
test_rows_needed_hidden = 1
"""
