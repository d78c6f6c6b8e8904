"""The Dagster shell: what a trader sees. Reads inputs, calls a floor below, writes, reports."""
