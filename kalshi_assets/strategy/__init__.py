"""What to trade: features to signals, and how much. Pure, the same live and in backtests."""
