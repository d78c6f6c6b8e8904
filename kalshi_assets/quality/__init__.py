"""Data checks: what must be true of the data before it is traded on.

Great Expectations is imported in `runner.py` only, and only when a check runs: it takes seconds.
"""
