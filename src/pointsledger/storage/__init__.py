"""
Storages: each module is one place to keep ledgers in, and imports its driver only when used.
"""
