"""Benchmarks: each prints ours, a baseline measured in the same run, and their ratio."""
