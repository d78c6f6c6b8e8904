"""The commands a client sends, as the bytes that go out."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from kalshi_assets.domain.stream import Channel

UpdateAction = Literal["add_markets", "delete_markets", "get_snapshot"]

# Market lists mean nothing to this channel: it tells of all markets.
UNFILTERED: frozenset[Channel] = frozenset({"market_lifecycle_v2"})
_encode = msgspec.json.Encoder().encode


def subscribe(command_id: int, channel: Channel, *, tickers: Iterable[str]) -> bytes:
    """Subscribe to one channel, for the given markets or, without any, for all.

    Books always ask for YES prices on both sides: the default is announced to change.
    """
    params: dict[str, object] = {"channels": [channel]}
    if markets := sorted(tickers):
        params["market_tickers"] = markets
        if channel == "ticker":
            params["send_initial_snapshot"] = True
    if channel == "orderbook_delta":
        params["use_yes_price"] = True
    return _encode({"id": command_id, "cmd": "subscribe", "params": params})


def update(command_id: int, action: UpdateAction, *, sid: int, tickers: Iterable[str]) -> bytes:
    """Add or remove markets of a subscription, or ask for the books of some."""
    params: dict[str, object] = {
        "sids": [sid],
        "action": action,
        "market_tickers": sorted(tickers),
    }
    return _encode({"id": command_id, "cmd": "update_subscription", "params": params})


def unsubscribe(command_id: int, sids: Iterable[int]) -> bytes:
    """End subscriptions."""
    return _encode({"id": command_id, "cmd": "unsubscribe", "params": {"sids": sorted(sids)}})


def list_subscriptions(command_id: int) -> bytes:
    """Ask which subscriptions the exchange holds for this connection."""
    return _encode({"id": command_id, "cmd": "list_subscriptions"})
