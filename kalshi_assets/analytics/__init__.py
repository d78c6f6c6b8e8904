"""Pure calculations on market data: rows or frames in, rows or frames out. No input or output."""
