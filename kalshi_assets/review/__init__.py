"""Review: what people look at. Round trips, overrides, plots; the weekly review will follow."""
