"""
Reports: what a ledger says about itself, read through the port and written nowhere.
"""
