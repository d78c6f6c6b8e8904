"""The exchange's WebSocket: what changed, told to whoever subscribed.

Reading order: `endpoint` (the socket: upgrade, heartbeat, slow clients) → `hub` (all connections,
brought up to the venue's moment) → `session` (one connection's rules, without any socket), with
`commands` (what a client may say), `subscription`, `telling` (which news is whose) and `messages`
(the words). `board` finds out what changed, in `books`, `tickers` and trades, and `lifecycle` what
became of the markets; `happenings` are their news. `wire` is a session's way out: its numbers, its
`outbox` (how much may wait) and its `line` (what a bad one loses). Nothing here decides anything
about trading.
"""

from kalshi_assets.local_exchange.stream.desk import StreamTerms
from kalshi_assets.local_exchange.stream.endpoint import (
    HEARTBEAT_SECONDS,
    STREAM_PATH,
    HeartbeatProtocol,
    stream_endpoint,
    stream_url,
)
from kalshi_assets.local_exchange.stream.hub import Hub
from kalshi_assets.local_exchange.stream.session import Session

__all__ = [
    "HEARTBEAT_SECONDS",
    "STREAM_PATH",
    "HeartbeatProtocol",
    "Hub",
    "Session",
    "StreamTerms",
    "stream_endpoint",
    "stream_url",
]
