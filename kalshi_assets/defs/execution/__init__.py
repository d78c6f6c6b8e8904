"""Execution: decisions, orders, and the account as the venue states it."""
