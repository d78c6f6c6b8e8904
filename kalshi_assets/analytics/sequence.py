"""Faults that a tick shows only beside the ticks before it: one pass over a market, in time.

A tick alone cannot tell that it repeats a frozen book, comes out of order, jumped while nobody
traded, or belongs to another contract. Nothing here looks ahead, and what lies further back than
`reach` is forgotten. All that a pass knows of the past is its `Memory`, which is kept beside the
clean ticks: so a poll goes on where the last one ended, and a rerun of its day finds the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kalshi_assets.analytics.memory import (
    CANDLE,
    MOVES_TO_CALL_FROZEN,
    STREAM,
    Held,
    LiveSeen,
    Memory,
    Reference,
    Row,
    Standstill,
)

MILLISECOND = timedelta(milliseconds=1)
# A fall of open interest below half of it, and by this much (centicontracts), is another contract.
ROLL_SHARE, ROLL_COUNT = 0.5, 100_000
# A poll is answered within so long of its slot; what is dated later says that a clock is wrong.
LONGEST_ANSWER = timedelta(minutes=2)


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


class MarketSequence:
    """One market's ticks in order of time; `faults_of` takes the next one.

    Args:
        rules: limits.
        memory: what is known from the ticks before; it is changed.
    """

    def __init__(self, rules: SequenceRules, memory: Memory) -> None:
        self._rules = rules
        self.memory = memory

    def faults_of(self, row: Row, faults: Iterable[str]) -> list[str]:
        """Return all faults of the next tick: `faults`, which it has by itself, and those here."""
        found = [*faults, *self._move_on(row)]
        memory = self.memory
        if row["source"] == CANDLE and row["bar_volume"] != 0:
            memory.has_quiet_bars = False
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
        memory, at, rules = self.memory, row["observed_at"], self._rules
        memory.forget(at - rules.reach)
        memory.last_at = at
        is_live = row["source"] != CANDLE
        is_older = is_live and memory.live is not None and row["quoted_at"] < memory.live.quoted_at
        if is_older and not _is_while_answered(memory.live, row):
            return ["out_of_order"]
        # Counters told with an earlier moment are lower: that is no fall.
        has_rolled = not is_older and self._has_rolled(row)
        if has_rolled:
            memory.standstill, memory.reference = Standstill(), None
        stood, moves = memory.standstill.see(row, rules.reach)
        if is_live:
            memory.live = LiveSeen(at, row["quoted_at"], row["volume"])
        if row["open_interest"]:
            memory.held = Held(at, row["open_interest"])
        is_frozen = is_live and stood >= rules.frozen_after and moves >= MOVES_TO_CALL_FROZEN
        return ["contract_roll"] * has_rolled + ["frozen"] * is_frozen

    def _has_rolled(self, row: Row) -> bool:
        """Tell whether counters fell that cannot fall within one contract."""
        live, held = self.memory.live, self.memory.held
        if row["source"] != CANDLE and live is not None:
            before, now = live.volume, row["volume"]
            if before is not None and now is not None and now < before:
                return True
        interest = 0 if held is None else held.open_interest
        now = row["open_interest"] or 0
        return 0 < now < ROLL_SHARE * interest and interest - now >= ROLL_COUNT

    def _has_jumped(self, row: Row) -> bool:
        """Tell whether the mid is far off the last usable one though nobody has traded since."""
        last = self.memory.reference
        if last is None or row["observed_at"] - last.observed_at > self._rules.reach:
            return False
        mid = (row["yes_bid"] + row["yes_ask"]) // 2
        if abs(mid - last.mid) <= self._rules.max_quiet_jump or row["source"] != last.source:
            return False
        if row["source"] == CANDLE:
            return self.memory.has_quiet_bars
        return last.volume is not None and bool(row["volume"] == last.volume)

    def _is_covered_live(self, at: datetime) -> bool:
        last = self.memory.reference
        if last is None or last.source == CANDLE:
            return False
        return at < last.observed_at + last.hold_ms * MILLISECOND

    def _refer_to(self, row: Row) -> None:
        mid = (row["yes_bid"] + row["yes_ask"]) // 2
        self.memory.reference = Reference(
            row["observed_at"], row["source"], mid, row["hold_ms"], row["volume"]
        )
        self.memory.has_quiet_bars = True


def _is_while_answered(polled: LiveSeen | None, row: Row) -> bool:
    """Tell whether the stream told a tick between the slot of the poll before and its answer.

    A poll is dated to its slot; what it says may have come into being seconds later.
    """
    return (
        polled is not None
        and row["source"] == STREAM
        and polled.observed_at <= row["quoted_at"] < polled.quoted_at
        and polled.quoted_at - polled.observed_at <= LONGEST_ANSWER
    )
