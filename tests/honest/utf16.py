"""
what = "Saved as UTF-16."
spoil = ["utf16"]
"""
# %% [exercises] mean
def mean(values):
    größe = len(values)  # naïve ✓ 漢字 🎉
    print("🎉", "é")
    return sum(values) / größe
