"""What cleaning remembers of a market between two ticks, as values and as JSON to be kept.

A memory is the whole of what the ticks so far mean for the next one. Told as JSON and taken back it
is the same, but for moves that no rule counts any more.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CANDLE, STREAM = "candle", "stream"
MOVES_TO_CALL_FROZEN = 3
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime.fromtimestamp(0, UTC)

Row = Mapping[str, Any]
Told = Mapping[str, Any]


@dataclass(frozen=True)
class Reference:
    """The last usable tick: what the next one's price is compared with."""

    observed_at: datetime
    source: str
    mid: int
    hold_ms: int
    volume: int | None


@dataclass(frozen=True)
class LiveSeen:
    """The last live tick, the exchange's own time of it, and all that was traded until then."""

    observed_at: datetime
    quoted_at: datetime
    volume: int | None


@dataclass(frozen=True)
class Held:
    """The last tick with open interest."""

    observed_at: datetime
    open_interest: int


@dataclass
class Standstill:
    """For how long a market's quote has stood, and how often the market moved meanwhile.

    A candle stands still where its whole range does, and moves where something was traded in it; a
    live tick moves with its volume and its time of change.
    """

    since: datetime | None = None
    moves: deque[datetime] = field(default_factory=deque)
    bid: int = 0
    ask: int = 0
    sizes: tuple[int, int] | None = None
    live: LiveSeen | None = None

    def see(self, row: Row, reach: timedelta) -> tuple[timedelta, int]:
        """Take the next tick; return how long its quote has stood, and the moves in the reach."""
        at, is_candle = row["observed_at"], row["source"] == CANDLE
        if self.since is None or not self._is_same(row):
            self._begin(row)
        elif is_candle:
            if (row["bar_volume"] or 0) > 0:
                self.moves.append(at)
        else:
            if self.live is not None and _moved(self.live, row):
                self.moves.append(at)
            self.sizes = self.sizes or _sizes(row)
        if not is_candle:
            self.live = LiveSeen(at, row["quoted_at"], row["volume"])
        while self.moves and self.moves[0] <= at - reach:
            self.moves.popleft()
        return at - (self.since or at), len(self.moves)

    def _begin(self, row: Row) -> None:
        self.since, self.moves, self.live = row["observed_at"], deque(), None
        self.bid, self.ask, self.sizes = row["yes_bid"], row["yes_ask"], _sizes(row)

    def _is_same(self, row: Row) -> bool:
        bids = (row["yes_bid"], row["bid_low"], row["bid_high"])
        asks = (row["yes_ask"], row["ask_low"], row["ask_high"])
        sizes = _sizes(row)
        return (
            all(bid in (self.bid, None) for bid in bids)
            and all(ask in (self.ask, None) for ask in asks)
            and (sizes is None or self.sizes is None or sizes == self.sizes)
        )


@dataclass
class Memory:
    """What a market's next tick is judged by.

    Attributes:
        last_at: the last tick with a price.
        has_quiet_bars: nothing is known to have been traded in the candles since the reference.
    """

    last_at: datetime | None = None
    live: LiveSeen | None = None
    held: Held | None = None
    standstill: Standstill = field(default_factory=Standstill)
    reference: Reference | None = None
    has_quiet_bars: bool = True

    def forget(self, before: datetime) -> None:
        """Let go of what lies further back than ticks are looked at."""
        if self.last_at is not None and self.last_at < before:
            self.standstill = Standstill()
        if self.live is not None and self.live.observed_at < before:
            self.live = None
        if self.held is not None and self.held.observed_at < before:
            self.held = None

    def told(self) -> dict[str, Any]:
        """Return the memory as JSON: moments in microseconds, of the moves the last that count."""
        still, last = self.standstill, self.reference
        held = self.held
        return {
            "last_at": _told(self.last_at),
            "live": _told_live(self.live),
            "held": held and [_told(held.observed_at), held.open_interest],
            "since": _told(still.since),
            "moves": [_told(at) for at in list(still.moves)[-MOVES_TO_CALL_FROZEN:]],
            "quote": [still.bid, still.ask],
            "sizes": still.sizes and list(still.sizes),
            "stood_live": _told_live(still.live),
            "reference": last
            and [_told(last.observed_at), last.source, last.mid, last.hold_ms, last.volume],
            "has_quiet_bars": self.has_quiet_bars,
        }


def recalled(told: Told) -> Memory:
    """Return the memory that `Memory.told` wrote."""
    held, last = told["held"], told["reference"]
    bid, ask = told["quote"]
    return Memory(
        last_at=_moment(told["last_at"]),
        live=_live(told["live"]),
        held=held and Held(_at(held[0]), held[1]),
        standstill=Standstill(
            since=_moment(told["since"]),
            moves=deque(map(_at, told["moves"])),
            bid=bid,
            ask=ask,
            sizes=told["sizes"] and (told["sizes"][0], told["sizes"][1]),
            live=_live(told["stood_live"]),
        ),
        reference=last and Reference(_at(last[0]), *last[1:]),
        has_quiet_bars=told["has_quiet_bars"],
    )


def _told(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // MICROSECOND


def _told_live(seen: LiveSeen | None) -> list[int | None] | None:
    if seen is None:
        return None
    return [_told(seen.observed_at), _told(seen.quoted_at), seen.volume]


def _live(told: list[Any] | None) -> LiveSeen | None:
    return None if told is None else LiveSeen(_at(told[0]), _at(told[1]), told[2])


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _at(microseconds)


def _at(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def _sizes(row: Row) -> tuple[int, int] | None:
    bid, ask = row["yes_bid_size"], row["yes_ask_size"]
    return None if bid is None or ask is None else (bid, ask)


def _moved(last: LiveSeen, row: Row) -> bool:
    """Tell whether the market moved between two live ticks."""
    return bool(last.volume != row["volume"] or last.quoted_at != row["quoted_at"])
