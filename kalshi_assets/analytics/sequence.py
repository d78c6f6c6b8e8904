"""Faults that a tick shows only beside the ticks before it: one pass over a market, in time.

A tick alone cannot tell that it repeats a frozen book, comes out of order, jumped while nobody
traded, or belongs to another contract. Nothing here looks ahead, and nothing looks back further
than `reach`, so that a poll and a rerun of its whole day find the same.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

CANDLE = "candle"
MILLISECOND = timedelta(milliseconds=1)
MOVES_TO_CALL_FROZEN = 3
# A fall of open interest below half of it, and by this much (centicontracts), is another contract.
ROLL_SHARE, ROLL_COUNT = 0.5, 100_000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class SequenceRules:
    """Limits of the faults in sequence.

    Attributes:
        frozen_after: a book unchanged for so long, while its market moves, is frozen.
        max_quiet_jump: how far, in micros, a mid may move without a trade.
    """

    frozen_after: timedelta = timedelta(hours=3)
    max_quiet_jump: int = 100_000

    @property
    def reach(self) -> timedelta:
        """How far back a tick is looked at; callers hand over as much."""
        return 3 * self.frozen_after


@dataclass(frozen=True)
class Reference:
    """The last usable tick: what the next one's price is compared with."""

    observed_at: datetime
    source: str
    mid: int
    hold_ms: int


@dataclass
class Standstill:
    """For how long a market's quote has stood, and how often the market moved meanwhile.

    A candle stands still where its whole range does, and moves where something was traded in it; a
    live tick moves with its volume and its time of change.
    """

    since: datetime | None = None
    moves: deque[datetime] = field(default_factory=deque)
    _bid: int = 0
    _ask: int = 0
    _sizes: tuple[int, int] | None = None
    _live: Row | None = None

    def see(self, row: Row, reach: timedelta) -> tuple[timedelta, int]:
        """Take the next tick; return how long its quote has stood, and the moves in the reach."""
        at, is_candle = row["observed_at"], row["source"] == CANDLE
        if self.since is None or not self._is_same(row):
            self._begin(row)
        elif is_candle:
            if (row["bar_volume"] or 0) > 0:
                self.moves.append(at)
        else:
            if self._live is not None and _moved(self._live, row):
                self.moves.append(at)
            self._sizes = self._sizes or _sizes(row)
        if not is_candle:
            self._live = row
        while self.moves and self.moves[0] <= at - reach:
            self.moves.popleft()
        return at - (self.since or at), len(self.moves)

    def _begin(self, row: Row) -> None:
        self.since, self.moves, self._live = row["observed_at"], deque(), None
        self._bid, self._ask, self._sizes = row["yes_bid"], row["yes_ask"], _sizes(row)

    def _is_same(self, row: Row) -> bool:
        bids = (row["yes_bid"], row["bid_low"], row["bid_high"])
        asks = (row["yes_ask"], row["ask_low"], row["ask_high"])
        sizes = _sizes(row)
        return (
            all(bid in (self._bid, None) for bid in bids)
            and all(ask in (self._ask, None) for ask in asks)
            and (sizes is None or self._sizes is None or sizes == self._sizes)
        )


class MarketSequence:
    """One market's ticks in order of time; `faults_of` takes the next one.

    Args:
        rules: limits.
        reference: the last usable tick before the first one to be judged.
    """

    def __init__(self, rules: SequenceRules, reference: Reference | None) -> None:
        self._rules = rules
        self._reference = reference
        self._standstill = Standstill()
        self._last_at: datetime | None = None
        self._live: Row | None = None
        self._held: Row | None = None  # the last one with open interest
        # What was traded since the reference, as far as it is known.
        self._volume_then: int | None = None
        self._bars_since: list[int | None] = []

    def pass_over(self, row: Row) -> None:
        """Take a tick that was judged before."""
        self._move_on(row)
        reference = self._reference
        if reference is None or row["observed_at"] > reference.observed_at:
            self._count(row)
        elif row["observed_at"] == reference.observed_at and row["source"] == reference.source:
            self._volume_then = row["volume"]

    def faults_of(self, row: Row, faults: Iterable[str]) -> list[str]:
        """Return all faults of the next tick: `faults`, which it has by itself, and those here."""
        found = [*faults, *self._move_on(row)]
        self._count(row)
        if not found and self._has_jumped(row):
            found.append("jump_without_trades")
        if row["source"] == CANDLE and self._is_covered_live(row["observed_at"]):
            found.append("superseded")
        if not found:
            self._refer_to(row)
        return found

    def _move_on(self, row: Row) -> list[str]:
        """Take note of a tick, and return what it says of feed and contract."""
        if row["yes_ask"] <= 0:  # missing values written as zeros: its counters are no better
            return []
        at, rules = row["observed_at"], self._rules
        self._forget(at - rules.reach)
        self._last_at = at
        is_live = row["source"] != CANDLE
        if is_live and self._live is not None and row["quoted_at"] < self._live["quoted_at"]:
            return ["out_of_order"]
        has_rolled = self._has_rolled(row)
        if has_rolled:
            self._standstill, self._reference = Standstill(), None
        stood, moves = self._standstill.see(row, rules.reach)
        if is_live:
            self._live = row
        if row["open_interest"]:
            self._held = row
        is_frozen = is_live and stood >= rules.frozen_after and moves >= MOVES_TO_CALL_FROZEN
        return ["contract_roll"] * has_rolled + ["frozen"] * is_frozen

    def _forget(self, before: datetime) -> None:
        """Let go of what lies further back than ticks are handed over."""
        if self._last_at is not None and self._last_at < before:
            self._standstill = Standstill()
        if self._live is not None and self._live["observed_at"] < before:
            self._live = None
        if self._held is not None and self._held["observed_at"] < before:
            self._held = None

    def _has_rolled(self, row: Row) -> bool:
        """Tell whether counters fell that cannot fall within one contract."""
        if row["source"] != CANDLE and self._live is not None:
            before, now = self._live["volume"], row["volume"]
            if before is not None and now is not None and now < before:
                return True
        held = 0 if self._held is None else self._held["open_interest"]
        now = row["open_interest"] or 0
        return 0 < now < ROLL_SHARE * held and held - now >= ROLL_COUNT

    def _count(self, row: Row) -> None:
        if row["source"] == CANDLE:
            self._bars_since.append(row["bar_volume"])

    def _has_jumped(self, row: Row) -> bool:
        """Tell whether the mid is far off the last usable one though nobody has traded since."""
        last = self._reference
        if last is None or row["observed_at"] - last.observed_at > self._rules.reach:
            return False
        mid = (row["yes_bid"] + row["yes_ask"]) // 2
        if abs(mid - last.mid) <= self._rules.max_quiet_jump or row["source"] != last.source:
            return False
        if row["source"] == CANDLE:
            return all(volume == 0 for volume in self._bars_since)
        return self._volume_then is not None and row["volume"] == self._volume_then

    def _is_covered_live(self, at: datetime) -> bool:
        last = self._reference
        if last is None or last.source == CANDLE:
            return False
        return bool(at < last.observed_at + last.hold_ms * MILLISECOND)

    def _refer_to(self, row: Row) -> None:
        mid = (row["yes_bid"] + row["yes_ask"]) // 2
        self._reference = Reference(row["observed_at"], row["source"], mid, row["hold_ms"])
        self._volume_then, self._bars_since = row["volume"], []


def _sizes(row: Row) -> tuple[int, int] | None:
    bid, ask = row["yes_bid_size"], row["yes_ask_size"]
    return None if bid is None or ask is None else (bid, ask)


def _moved(row: Row, later: Row) -> bool:
    """Tell whether the market moved between two live ticks."""
    return bool(row["volume"] != later["volume"] or row["quoted_at"] != later["quoted_at"])
