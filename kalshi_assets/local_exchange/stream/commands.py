"""What a client may say: commands out of text, or the exchange's error code for why not.

Where the documents leave a choice, a command is refused whole: a ticker that is listed nowhere and
a malformed value are 11, and of two errors the one that a reader meets first is told.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeGuard, get_args

from kalshi_assets.local_exchange.stream.messages import market_id
from kalshi_assets.local_exchange.tape import Listing

Channel = Literal[
    "orderbook_delta",
    "ticker",
    "trade",
    "fill",
    "user_orders",
    "market_positions",
    "market_lifecycle_v2",
]
Action = Literal["add_markets", "delete_markets", "get_snapshot"]

ERRORS: Mapping[int, str] = {
    1: "Unable to process message",
    2: "Params required",
    3: "Channels required",
    4: "Subscription IDs required",
    5: "Unknown command",
    7: "Unknown subscription ID",
    8: "Unknown channel name",
    11: "Invalid parameter",
    12: "Exactly one subscription ID is required",
    13: "Unsupported action",
    14: "Market Ticker required",
    15: "Action required",
    25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded",
    27: "Too many requests",
}
_CHANNELS: Mapping[str, Channel] = {name: name for name in get_args(Channel)}
_ACTIONS: Mapping[str, Action] = {name: name for name in get_args(Action)}
_PARAMETRISED = ("subscribe", "unsubscribe", "update_subscription")
_BY_ID: frozenset[Channel] = frozenset({"ticker", "market_lifecycle_v2"})


class CommandRefused(Exception):
    """A command is answered with an error.

    Attributes:
        code: one of `ERRORS`.
        command_id: the command's, 0 if it has none.
    """

    def __init__(self, code: int, command_id: int = 0) -> None:
        super().__init__(f"{code} {ERRORS[code]}")
        self.code = code
        self.command_id = command_id


@dataclass(frozen=True, slots=True)
class Envelope:
    """A command as it arrived; `command_id` is 0 if the client gave none."""

    command_id: int
    name: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe to channels; `tickers` None is every market."""

    channels: tuple[Channel, ...]
    tickers: tuple[str, ...] | None
    use_yes_price: bool
    send_initial_snapshot: bool
    skip_ticker_ack: bool


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """End subscriptions."""

    sids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """Change the markets of a subscription, or ask for its books."""

    sid: int
    action: Action
    tickers: tuple[str, ...]
    is_by_id: bool
    send_initial_snapshot: bool


@dataclass(frozen=True, slots=True)
class ListSubscriptions:
    """Ask what is subscribed."""


Command = Subscribe | Unsubscribe | Update | ListSubscriptions


def open_envelope(text: str) -> Envelope:
    """Read a command's frame.

    Raises:
        CommandRefused: 1, 2 or 5.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise CommandRefused(1) from exc
    if not isinstance(content, dict):
        raise CommandRefused(1)
    command_id, name = content.get("id", 0), content.get("cmd", "")
    if not _is_number(command_id) or command_id < 0 or not isinstance(name, str):
        raise CommandRefused(1, command_id if _is_number(command_id) and command_id > 0 else 0)
    params = content.get("params")
    if name not in (*_PARAMETRISED, "list_subscriptions"):
        raise CommandRefused(5, command_id)
    if name in _PARAMETRISED and params is None:
        raise CommandRefused(2, command_id)
    if params is not None and not isinstance(params, dict):
        raise CommandRefused(1, command_id)
    return Envelope(command_id, name, params or {})


def interpret(envelope: Envelope, listings: Mapping[str, Listing]) -> Command:
    """Turn an envelope into a command about listed markets.

    Raises:
        CommandRefused: with the code of the first rule that is broken.
    """
    reader = _Params(envelope, listings)
    if envelope.name == "subscribe":
        return reader.subscribe()
    if envelope.name == "unsubscribe":
        return Unsubscribe(reader.sids() or reader.refuse(4))
    if envelope.name == "update_subscription":
        return reader.update()
    return ListSubscriptions()


class _Params:
    def __init__(self, envelope: Envelope, listings: Mapping[str, Listing]) -> None:
        self._envelope = envelope
        self._params = envelope.params
        self._listings = listings

    def refuse(self, code: int) -> NoReturn:
        raise CommandRefused(code, self._envelope.command_id)

    def subscribe(self) -> Subscribe:
        channels = self._channels()
        tickers, is_by_id = self._markets()
        if "orderbook_delta" in channels and (tickers is None or is_by_id):
            self.refuse(14)
        if is_by_id and not _BY_ID.issuperset(channels):
            self.refuse(11)
        return Subscribe(
            channels,
            tickers,
            use_yes_price=self._flag("use_yes_price"),
            send_initial_snapshot=self._flag("send_initial_snapshot"),
            skip_ticker_ack=self._flag("skip_ticker_ack"),
        )

    def update(self) -> Update:
        single, several = self._params.get("sid"), self.sids()
        if (single is None) == (not several) or len(several) > 1:
            self.refuse(12)
        if single is not None and not _is_number(single):
            self.refuse(11)
        action = self._params.get("action")
        if action is None:
            self.refuse(15)
        if not isinstance(action, str) or action not in _ACTIONS:
            self.refuse(13)
        tickers, is_by_id = self._markets()
        return Update(
            several[0] if single is None else single,
            _ACTIONS[action],
            tickers or self.refuse(14),
            is_by_id=is_by_id,
            send_initial_snapshot=self._flag("send_initial_snapshot"),
        )

    def sids(self) -> tuple[int, ...]:
        sids = self._params.get("sids")
        if sids is None:
            return ()
        if not isinstance(sids, list) or not all(map(_is_number, sids)):
            self.refuse(11)
        return tuple(dict.fromkeys(sids))

    def _channels(self) -> tuple[Channel, ...]:
        channels = self._params.get("channels")
        if channels is None or channels == []:
            self.refuse(3)
        if not _is_texts(channels):
            self.refuse(11)
        if not _CHANNELS.keys() >= set(channels):
            self.refuse(8)
        return tuple(dict.fromkeys(_CHANNELS[name] for name in channels))

    def _markets(self) -> tuple[tuple[str, ...] | None, bool]:
        """Return the markets named, None for all, and whether by id."""
        names = ("market_ticker", "market_tickers", "market_id", "market_ids")
        given = [name for name in names if self._params.get(name) is not None]
        if not given:
            return None, False
        if len(given) > 1:
            self.refuse(11)
        value = self._params[given[0]]
        if given[0] in ("market_ticker", "market_id"):
            value = [value]
        if value == []:
            self.refuse(14)
        if not _is_texts(value):
            self.refuse(11)
        is_by_id = given[0].startswith("market_id")
        return self._listed(value, is_by_id=is_by_id), is_by_id

    def _listed(self, named: list[str], *, is_by_id: bool) -> tuple[str, ...]:
        known = {market_id(t) if is_by_id else t: t for t in self._listings}
        if not known.keys() >= set(named):
            self.refuse(11)
        return tuple(dict.fromkeys(known[name] for name in named))

    def _flag(self, name: str) -> bool:
        value = self._params.get(name, False)
        if not isinstance(value, bool):
            self.refuse(11)
        return value is True


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
