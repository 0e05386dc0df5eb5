"""
The command line: `python -m pointsledger`.
"""
