"""Bytes of a frame into its struct, strictly; and what little can be told of a frame that fails.

Unknown fields are counted in a sample: a second look at a frame costs more than reading it.
"""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from kalshi_assets.domain.stream import Channel
from kalshi_assets.kalshi.stream import documented
from kalshi_assets.kalshi.stream.frames import (
    AnyFrame,
)

LOOK_AT = 64
NUL = rb"\u0000"

T = TypeVar("T")

CHANNEL_OF: dict[str, Channel] = {
    "orderbook_snapshot": "orderbook_delta",
    "orderbook_delta": "orderbook_delta",
    "ticker": "ticker",
    "trade": "trade",
    "fill": "fill",
    "user_order": "user_orders",
    "market_position": "market_positions",
    "market_lifecycle_v2": "market_lifecycle_v2",
    "event_lifecycle": "market_lifecycle_v2",
    "event_fee_update": "market_lifecycle_v2",
}


class Remains(Struct):
    """What can be told of a frame that does not read; None where not even that.

    Attributes:
        msg: the bytes of the message inside.
    """

    type: str | None = None
    sid: int | None = None
    seq: int | None = None
    market_ticker: str | None = None

    @property
    def channel(self) -> Channel | None:
        """The channel that sends frames of this type."""
        return CHANNEL_OF.get(self.type or "")


class FieldWatch:
    """Counts the fields that neither we nor the API document know."""

    def __init__(self) -> None:
        self.unknown: Counter[str] = Counter()
        self._seen: dict[type[AnyFrame], int] = {}

    def look(self, frame: bytes, kind: type[AnyFrame]) -> None:
        """Look once more at a frame that has been read, at what was passed over.

        Of each kind the first `LOOK_AT` frames are looked at, then every `LOOK_AT`-th.

        Raises:
            ValueError: a text holds a NUL, which no database takes.
        """
        if NUL in frame:
            raise ValueError("a text holds a NUL, which no database takes")
        seen = self._seen[kind] = self._seen.get(kind, 0) + 1
        if seen > LOOK_AT and seen % LOOK_AT:
            return
        whole = msgspec.json.decode(frame)
        name, msg = whole["type"], whole.get("msg")
        self.unknown.update(f"{name}.{field}" for field in whole.keys() - documented.ENVELOPE)
        if isinstance(msg, dict):
            known = documented.MESSAGES[name]
            self.unknown.update(f"{name}.msg.{field}" for field in msg.keys() - known)


def channels_by_kind() -> dict[type[AnyFrame], Channel]:
    """Return the channel of each kind of frame that belongs to one."""
    kinds: dict[str, type[AnyFrame]] = {
        str(kind.__struct_config__.tag): kind for kind in get_args(AnyFrame)
    }
    return {kinds[name]: channel for name, channel in CHANNEL_OF.items()}


def frame_decoder() -> Callable[[bytes], AnyFrame]:
    """Return what reads a frame; it raises ValueError or RecursionError on a malformed one."""
    return msgspec.json.Decoder(AnyFrame).decode


class _Envelope(Struct):
    type: msgspec.Raw | UnsetType = UNSET
    sid: msgspec.Raw | UnsetType = UNSET
    seq: msgspec.Raw | UnsetType = UNSET
    msg: msgspec.Raw | UnsetType = UNSET


class _Names(Struct):
    market_ticker: msgspec.Raw | UnsetType = UNSET
    ticker: msgspec.Raw | UnsetType = UNSET


def remains(frame: bytes) -> Remains:
    """Return what can be told of a frame that does not read."""
    envelope = _lenient(frame, _Envelope) or _Envelope()
    names = _Names() if envelope.msg is UNSET else _lenient(envelope.msg, _Names) or _Names()
    ticker = _lenient(names.market_ticker, str) or _lenient(names.ticker, str)
    sid, seq = _lenient(envelope.sid, int), _lenient(envelope.seq, int)
    return Remains(type=_lenient(envelope.type, str), sid=sid, seq=seq, market_ticker=ticker)


def _lenient(raw: bytes | msgspec.Raw | UnsetType, kind: type[T]) -> T | None:
    if isinstance(raw, UnsetType):
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError):
        return None
