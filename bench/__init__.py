"""
How fast the library is, as ratios to the least work that could do the same: `python -m bench`.
"""
