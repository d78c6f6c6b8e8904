"""Candles of a drawn tape: minutes and hours from the slots, days from the hours.

A minute and an hour are read off the same slots by the same function and a day is folded from its
hours, so the three intervals cannot disagree.
"""

from collections.abc import Callable, Sequence

from kalshi_assets.local_exchange.hours import day_bounds
from kalshi_assets.local_exchange.scenarios.hour import SLOT_MS, SLOTS_AN_HOUR, DrawnHour
from kalshi_assets.local_exchange.tape import Bar, Candle, Listing
from kalshi_assets.local_exchange.units import HOUR_MS, ONE_CONTRACT

_MINUTE_MS = 60_000
_SLOTS_A_MINUTE = _MINUTE_MS // SLOT_MS


class CandleMaker:
    """Makes and remembers candles.

    Args:
        hour: draws an hour by ticker and number.
        contracts_before: contracts traded before an hour, by ticker and number.
        open_interest: open interest by ticker and contracts traded.
    """

    def __init__(
        self,
        hour: Callable[[str, int], DrawnHour],
        contracts_before: Callable[[str, int], int],
        open_interest: Callable[[str, int], int],
    ) -> None:
        self._hour = hour
        self._contracts_before = contracts_before
        self._open_interest = open_interest
        self._hourly: dict[tuple[str, int], Candle] = {}
        self._closing: dict[tuple[str, int], int | None] = {}

    def candles(self, listing: Listing, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        """Return the candles that end within [from, to]."""
        if minutes == 1440:
            return self._days(listing, from_ms, to_ms)
        length = minutes * _MINUTE_MS
        first_end = max(-(-from_ms // length) * length, listing.open_ms // length * length + length)
        last_end = min(to_ms, -(-listing.close_ms // length) * length)
        make = self._minute if minutes == 1 else self._whole_hour
        return [make(listing, end - length) for end in range(first_end, last_end + 1, length)]

    def last_price_before(self, listing: Listing, number: int) -> int | None:
        """Return the price of the last trade before an hour begins, None if there was none."""
        asked, found = number, None
        first = listing.open_ms // HOUR_MS
        while number > first and found is None:
            number -= 1
            key = (listing.ticker, number)
            if key not in self._closing:
                self._closing[key] = _last_price(self._hour(*key), SLOTS_AN_HOUR)
            found = self._closing[key]
        if asked - 1 >= first:
            self._closing[(listing.ticker, asked - 1)] = found
        return found

    def _minute(self, listing: Listing, start: int) -> Candle:
        number, within = divmod(start, HOUR_MS)
        low = within // SLOT_MS
        return self._read(listing, number, low, low + _SLOTS_A_MINUTE)

    def _whole_hour(self, listing: Listing, start: int) -> Candle:
        key = (listing.ticker, start // HOUR_MS)
        if key not in self._hourly:
            self._hourly[key] = self._read(listing, key[1], 0, SLOTS_AN_HOUR)
        return self._hourly[key]

    def _days(self, listing: Listing, from_ms: int, to_ms: int) -> list[Candle]:
        days = []
        start, end = day_bounds(max(from_ms - 1, listing.open_ms))
        while end <= to_ms and start < listing.close_ms:
            days.append(self._day(listing, start, end))
            start, end = day_bounds(end)
        return days

    def _day(self, listing: Listing, start: int, end: int) -> Candle:
        first = max(start, listing.open_ms // HOUR_MS * HOUR_MS)
        last = min(end, listing.close_ms)
        hours = [self._whole_hour(listing, at) for at in range(first, last, HOUR_MS)]
        return fold(hours, end)

    def _read(self, listing: Listing, number: int, low: int, high: int) -> Candle:
        """Read a candle off slots [low, high) of an hour; the slot before gives its opening."""
        hour = self._hour(listing.ticker, number)
        open_slots = -(-(listing.close_ms - number * HOUR_MS) // SLOT_MS)
        stop = min(high, open_slots)
        before = self._slot_before(listing, number, low)
        trades = [i for i in range(low, stop) if hour.contracts[i]]
        previous = _last_price(hour, low)
        if previous is None:
            previous = self.last_price_before(listing, number)
        sold = self._contracts_before(listing.ticker, number) + sum(hour.contracts[:stop])
        return Candle(
            end_ms=number * HOUR_MS + high * SLOT_MS,
            bid=_bar([before[0], *hour.bids[low:stop]]),
            ask=_bar([before[1], *hour.asks[low:stop]]),
            price=_bar([hour.trade_price(i) for i in trades]) if trades else None,
            previous=previous,
            volume=sum(hour.contracts[low:stop]) * ONE_CONTRACT,
            notional=sum(hour.trade_price(i) * hour.contracts[i] for i in trades) * ONE_CONTRACT,
            open_interest=self._open_interest(listing.ticker, sold),
        )

    def _slot_before(self, listing: Listing, number: int, low: int) -> tuple[int, int]:
        if number * HOUR_MS + low * SLOT_MS <= listing.open_ms:
            hour = self._hour(listing.ticker, number)
            return hour.bids[low], hour.asks[low]
        hour = self._hour(listing.ticker, number if low else number - 1)
        return hour.bids[low - 1], hour.asks[low - 1]


def fold(candles: Sequence[Candle], end_ms: int) -> Candle:
    """Make one candle of consecutive ones."""
    prices = [candle.price for candle in candles if candle.price is not None]
    return Candle(
        end_ms=end_ms,
        bid=_fold_bars([candle.bid for candle in candles]),
        ask=_fold_bars([candle.ask for candle in candles]),
        price=_fold_bars(prices) if prices else None,
        previous=candles[0].previous,
        volume=sum(candle.volume for candle in candles),
        notional=sum(candle.notional for candle in candles),
        open_interest=candles[-1].open_interest,
    )


def _fold_bars(bars: Sequence[Bar]) -> Bar:
    return Bar(
        open=bars[0].open,
        low=min(bar.low for bar in bars),
        high=max(bar.high for bar in bars),
        close=bars[-1].close,
    )


def _bar(prices: Sequence[int]) -> Bar:
    return Bar(open=prices[0], low=min(prices), high=max(prices), close=prices[-1])


def _last_price(hour: DrawnHour, before_index: int) -> int | None:
    for index in range(before_index - 1, -1, -1):
        if hour.contracts[index]:
            return hour.trade_price(index)
    return None
