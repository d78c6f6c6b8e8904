"""Kalshi market data as Dagster assets, and orders only on data that is provably good."""
