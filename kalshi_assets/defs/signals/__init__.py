"""Signals: what the strategies see in the averages."""
