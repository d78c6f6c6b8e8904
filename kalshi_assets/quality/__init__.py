"""Data checks: what must be true of the data before it is traded on.

Great Expectations is imported by `asking.py` only, and that when a check runs: it takes seconds.
"""
