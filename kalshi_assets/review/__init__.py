"""Review: what people look at. Plots here; the journal and the weekly review will follow."""
