"""Market data: markets, raw and clean ticks, rolling averages, daily summaries; their checks."""
