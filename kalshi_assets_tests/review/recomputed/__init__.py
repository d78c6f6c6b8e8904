"""A review's figures computed once more, from the raw tables alone.

Nothing of `kalshi_assets.review` is imported, nor anything that reads the database for it: what
docs/review.md defines is written here a second time, in another way. `python -m
kalshi_assets_tests.review.recomputed URL [SUNDAY ...]` lists every figure that differs.
"""
