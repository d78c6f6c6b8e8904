"""Kalshi market data as Dagster assets, and orders only on data that is provably good."""

from kalshi_assets.left_out import leave_out

# Here, for any module of ours may be the first to import one of these libraries.
leave_out()
