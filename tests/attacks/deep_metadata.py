"""
what = "Metadata nested four hundred deep, odd values where others are expected; the answers are right."
spoil = ["deep_metadata", "odd_values", "surrogates"]
"""
