"""
what = "Saved by Google Colab."
spoil = ["colab"]
"""
