"""
what = "Outputs and execution counts deleted by a tool, text after the end of the file."
spoil = ["no_outputs", "text_behind"]
"""
