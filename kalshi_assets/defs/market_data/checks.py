"""The data checks, as Dagster asset checks: one step an asset.

In poll and order jobs they look at the newest slot and store their verdicts, which the judge reads.
In a backfill they look at the partitions written, and store none: old data says nothing of now.
"""



