"""The exchange's live feed: a session without a socket, and the socket around it.

`client.KalshiStream` is the door. `session.Session` decides everything (what is whole, what is
missing, what to send) from bytes and times handed in; `desk` keeps subscriptions, `sequence` their
numbers, `doubts` the books that may be believed and the gaps, `outbox` what waits to be read.
"""
