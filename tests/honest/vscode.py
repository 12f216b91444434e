"""
what = "Saved by VS Code, sources as lists of lines, kernel of one's own."
spoil = ["vscode"]
"""
