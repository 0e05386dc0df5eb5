"""
Stories: random histories told to the naive model and to storages alike, and compared after every step.
"""
