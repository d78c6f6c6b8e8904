"""The review: the trade journal and the weekly review, as Dagster assets."""
