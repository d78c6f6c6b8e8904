"""Whether a signal may become an order: one function a rule, every answer with value and limit."""
