"""Draws a tape from stories and a seed, statelessly: any moment can be computed on its own.

Time is cut into slots of 20 s. Each slot refreshes the quote once, up to 10 s after its start, and
holds at most one trade in its second half; so quotes change every 10-30 s. An hour (180 slots) is
drawn at once and cached. Volume is drawn from the top down, hours first, so the counters need no
history. Only + - * ÷ and `random.Random` are used: the same seed gives the same tape on every
platform. The weekly trading pause holds the quote and has no trades.
"""

import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random

from kalshi_assets.local_exchange.hours import pause_start
from kalshi_assets.local_exchange.scenarios.candles import CandleMaker
from kalshi_assets.local_exchange.scenarios.hour import (
    SLOT_MS,
    SLOTS_AN_HOUR,
    DrawnHour,
    draw_hour,
    hour_contracts,
    slot_at,
)
from kalshi_assets.local_exchange.scenarios.story import Story
from kalshi_assets.local_exchange.tape import (
    Activity,
    Candle,
    Level,
    Listing,
    Quote,
    Series,
    TapeTrade,
)
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS, ONE_CONTRACT, ONE_DOLLAR

_LEVELS = 6
_HELD_SHARE = 0.4  # of every 10 contracts traded, 4 open a position


class SyntheticTape:
    """A `Tape` drawn from stories.

    Args:
        name: the scenario's name.
        started_ms: the venue clock's first moment.
        series: the series by ticker.
        stories: one story a market.
        seed: another seed gives other noise, sizes and trades around the same stories.
    """

    def __init__(
        self,
        name: str,
        started_ms: int,
        *,
        series: Mapping[str, Series],
        stories: Sequence[Story],
        seed: int,
    ) -> None:
        self.name = name
        self.started_ms = started_ms
        self.series = series
        self._stories = {story.listing.ticker: story for story in stories}
        self.listings: Mapping[str, Listing] = {t: s.listing for t, s in self._stories.items()}
        self._seed = seed
        self._totals: dict[str, list[int]] = {ticker: [0] for ticker in self._stories}
        self._hour = lru_cache(maxsize=768)(self._draw)
        self._quote = lru_cache(maxsize=256)(self._draw_quote)
        self._candles = CandleMaker(self._hour, self._contracts_before, self._open_interest)

    def quote_at(self, ticker: str, ms: int) -> Quote:
        """See `Tape`."""
        slot = self._slot_in_effect(ticker, ms)
        held = self._held_slot(ticker, slot)
        return self._quote(ticker, held, slot if self._is_frozen(ticker, slot) else held)

    def activity_at(self, ticker: str, ms: int) -> Activity:
        """See `Tape`."""
        contracts = self._contracts_at(ticker, ms)
        return Activity(
            last_price=self._last_price(ticker, ms) or 0,
            volume=contracts * ONE_CONTRACT,
            volume_24h=(contracts - self._contracts_at(ticker, ms - DAY_MS)) * ONE_CONTRACT,
            open_interest=self._open_interest(ticker, contracts),
        )

    def changes(self, ticker: str, after_ms: int, until_ms: int) -> list[int]:
        """See `Tape`."""
        moments = []
        for slot in range(after_ms // SLOT_MS, until_ms // SLOT_MS + 1):
            moment = self._moment(ticker, slot)
            if after_ms < moment <= until_ms and self._held_slot(ticker, slot) == slot:
                moments.append(moment)
        return moments

    def trades(self, ticker: str, after_ms: int, until_ms: int) -> list[TapeTrade]:
        """See `Tape`."""
        listing = self.listings[ticker]
        first = max(after_ms, listing.open_ms)
        last = min(until_ms, listing.close_ms - 1)
        found = []
        for number in range(first // HOUR_MS, last // HOUR_MS + 1):
            hour, start = self._hour(ticker, number), number * SLOTS_AN_HOUR
            # A slot's trade lies within it: no other slot can have one in the span.
            slots = range(slot_at(first) - start, slot_at(last) - start + 1)
            for index in range(SLOTS_AN_HOUR)[max(slots.start, 0) : slots.stop]:
                if hour.contracts[index] and first < hour.trade_moment(index) <= last:
                    found.append(self._trade(ticker, hour, index))
        return found

    def candles(self, ticker: str, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        """See `Tape`."""
        return self._candles.candles(self.listings[ticker], minutes, from_ms, to_ms)

    def _trade(self, ticker: str, hour: DrawnHour, index: int) -> TapeTrade:
        name = f"{self.name}/{self._seed}/{ticker}/{hour.number}/{index}"
        return TapeTrade(
            trade_id=str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
            ticker=ticker,
            price=hour.trade_price(index),
            count=hour.contracts[index] * ONE_CONTRACT,
            taker_side="bid" if hour.taker_buys[index] else "ask",
            created_ms=hour.trade_moment(index),
        )

    def _draw(self, ticker: str, number: int) -> DrawnHour:
        """Draw one hour; slots that hold an older quote copy it from the hour it stands in."""
        story = self._stories[ticker]
        held = [
            self._held_slot(ticker, slot)
            for slot in range(number * SLOTS_AN_HOUR, (number + 1) * SLOTS_AN_HOUR)
        ]
        hour = draw_hour(story, number, seed=self._seed)
        for index, slot in enumerate(held):
            if slot != number * SLOTS_AN_HOUR + index:
                home = hour if slot // SLOTS_AN_HOUR == number else self._hour_of(ticker, slot)
                hour.bids[index] = home.bids[slot % SLOTS_AN_HOUR]
                hour.asks[index] = home.asks[slot % SLOTS_AN_HOUR]
        return hour

    def _draw_quote(self, ticker: str, slot: int, shown_slot: int) -> Quote:
        story, hour = self._stories[ticker], self._hour_of(ticker, slot)
        index = slot % SLOTS_AN_HOUR
        rng = Random(f"{self._seed}/{ticker}/sizes/{slot}")  # noqa: S311 - a story, no secret
        return Quote(
            bids=_levels(story, hour.bids[index], -story.tick, rng),
            asks=_levels(story, hour.asks[index], story.tick, rng),
            version=slot,
            changed_ms=self._moment(ticker, slot),
            updated_ms=self._moment(ticker, shown_slot),
        )

    def _hour_of(self, ticker: str, slot: int) -> DrawnHour:
        return self._hour(ticker, slot // SLOTS_AN_HOUR)

    def _moment(self, ticker: str, slot: int) -> int:
        return self._hour_of(ticker, slot).change_moment(slot % SLOTS_AN_HOUR)

    def _slot_in_effect(self, ticker: str, ms: int) -> int:
        slot = slot_at(ms)
        return slot if self._moment(ticker, slot) <= ms else slot - 1

    def _is_frozen(self, ticker: str, slot: int) -> bool:
        frozen_from = self._stories[ticker].frozen_from_ms
        return frozen_from is not None and slot > slot_at(frozen_from)

    def _held_slot(self, ticker: str, slot: int) -> int:
        """Return the slot whose quote stands in this one."""
        frozen_from = self._stories[ticker].frozen_from_ms
        if frozen_from is not None and slot > slot_at(frozen_from):
            return slot_at(frozen_from)
        paused_at = pause_start_of_hour(slot // SLOTS_AN_HOUR)
        return slot if paused_at is None else slot_at(paused_at) - 1

    def _contracts_before(self, ticker: str, number: int) -> int:
        """Return the contracts traded before an hour begins."""
        story, totals = self._stories[ticker], self._totals[ticker]
        first = story.listing.open_ms // HOUR_MS
        while len(totals) <= number - first:
            drawn = hour_contracts(story, first + len(totals) - 1, seed=self._seed)
            totals.append(totals[-1] + drawn)
        return totals[max(number - first, 0)]

    def _contracts_at(self, ticker: str, ms: int) -> int:
        listing = self.listings[ticker]
        if ms <= listing.open_ms:
            return 0
        ms = min(ms, listing.close_ms - 1)
        hour = self._hour(ticker, ms // HOUR_MS)
        return self._contracts_before(ticker, hour.number) + hour.contracts_until(ms)

    def _open_interest(self, ticker: str, contracts: int) -> int:
        held = self._stories[ticker].open_interest + int(contracts * _HELD_SHARE)
        return held * ONE_CONTRACT

    def _last_price(self, ticker: str, ms: int) -> int | None:
        ms = min(ms, self.listings[ticker].close_ms - 1)
        hour = self._hour(ticker, ms // HOUR_MS)
        for index in range(SLOTS_AN_HOUR - 1, -1, -1):
            if hour.contracts[index] and hour.trade_moment(index) <= ms:
                return hour.trade_price(index)
        return self._candles.last_price_before(self.listings[ticker], hour.number)


@lru_cache(maxsize=4096)
def pause_start_of_hour(number: int) -> int | None:
    """Return when the pause holding in this hour began; pauses are whole hours."""
    return pause_start(number * HOUR_MS)


def _levels(story: Story, best: int, step: int, rng: Random) -> tuple[Level, ...]:
    sizes = [story.top_size, *[story.deep_size] * (_LEVELS - 1)]
    return tuple(
        Level(price=best + depth * step, count=rng.randint(*size) * ONE_CONTRACT)
        for depth, size in enumerate(sizes)
        if 0 < best + depth * step < ONE_DOLLAR
    )
