"""The long format: one market, one line a candle as the exchange serves it, with closing quotes.

Leading comment lines tell the market, unless `markets.csv` does. Empty prices: nothing traded.
"""

import re
from collections import Counter
from itertools import pairwise

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.hours import day_bounds
from kalshi_assets.local_exchange.recordings.bars import RecordedBar, Touch
from kalshi_assets.local_exchange.recordings.cells import Row, Table, parse_moment
from kalshi_assets.local_exchange.recordings.contracts import RESULTS, Contracts, bare_listing
from kalshi_assets.local_exchange.recordings.history import (
    History,
    bar_price,
    check_ascending,
    check_multiple,
)
from kalshi_assets.local_exchange.tape import Bar, Listing

TIME_COLUMN = "end_period_ts"
_PRICES = ("price_open", "price_high", "price_low", "price_close")
_COLUMNS = (
    TIME_COLUMN,
    *_PRICES,
    "price_mean",
    "price_previous",
    "volume",
    "open_interest",
    "yes_bid_close",
    "yes_ask_close",
)
_MINUTE_MS = 60_000
_HOUR, _DAY = 60, 1440
_SHIFTED_DAYS = (_DAY - _HOUR, _DAY + _HOUR)  # the days on which clocks change
_MARKET = re.compile(r'#\s*Market:\s*(\S+)(?:\s+"([^"]*)")?(.*)')
_RESULT = re.compile(r"\bresult=(yes|no)\b")
_WHICH = "say which was recorded in a first line such as # Market: KXCPI-26AUG-T0.8"
_SETTLED = re.compile(r"\bsettlement_ts=([^\s,]+)")


def read_long(table: Table, contracts: Contracts | None) -> list[History]:
    """Read one market's candles.

    Raises:
        RecordingError: for a missing column, a bad cell, times out of order, an unknown market.
    """
    table.require(_COLUMNS)
    ends = [row.epoch_seconds(TIME_COLUMN) for row in table.rows]
    check_ascending(table.rows, ends, TIME_COLUMN)
    minutes = _minutes(table, ends)
    starts = _starts(table, ends, minutes)
    listing = _listing(table, contracts, starts[0])
    bars: list[RecordedBar] = []
    touch, last_price = None, None
    for row, start_ms, end_ms in zip(table.rows, starts, ends, strict=True):
        after = _touch(row, listing)
        bar = _bar(row, (start_ms, end_ms), quotes=(touch or after, after), previous=last_price)
        bars.append(bar)
        touch = after
        last_price = bar.previous if bar.price is None else bar.price.close
    return [History.cut(listing, bars, minutes=minutes)]


def _minutes(table: Table, ends: list[int]) -> int:
    """Return the bars' length: the most common distance of their ends."""
    distances = [(later - earlier) // _MINUTE_MS for earlier, later in pairwise(ends)]
    steps = Counter(_DAY if step in _SHIFTED_DAYS else step for step in distances)
    minutes = min(steps, key=lambda step: (-steps[step], step), default=0)
    if minutes not in (1, _HOUR, _DAY):
        raise RecordingError(
            f"{table.file}: bars mostly end {minutes} minutes apart; candles of 1, 60 and 1440"
            " minutes are replayed, and at least two of them tell which"
        )
    return minutes


def _starts(table: Table, ends: list[int], minutes: int) -> list[int]:
    if minutes != _DAY:
        check_multiple(table.rows, ends, TIME_COLUMN, minutes=minutes)
        return [end - minutes * _MINUTE_MS for end in ends]
    days = [day_bounds(end - 1) for end in ends]
    for row, end, day in zip(table.rows, ends, days, strict=True):
        if day[1] != end:
            raise row.bad(TIME_COLUMN, "is no midnight in New York, where a day's candle ends")
    return [start for start, _ in days]


def _bar(
    row: Row, span: tuple[int, int], *, quotes: tuple[Touch, Touch], previous: int | None
) -> RecordedBar:
    price, volume = _price(row), row.count("volume")
    if price is None and volume:
        raise row.bad("volume", "contracts traded, but the price cells are empty: record prices")
    told = row.text("price_previous")
    return RecordedBar(
        start_ms=span[0],
        until_ms=span[1],
        end_ms=span[1],
        price=price,
        mean=0 if price is None else row.mean("price_mean"),
        volume=volume,
        open_interest=row.count("open_interest"),
        previous=row.price("price_previous") if told else previous,
        quotes=quotes,
    )


def _price(row: Row) -> Bar | None:
    if all(row.text(column) == "" for column in _PRICES):
        return None
    return bar_price(row, _PRICES)


def _touch(row: Row, listing: Listing) -> Touch:
    touch = Touch(row.dollars("yes_bid_close"), row.dollars("yes_ask_close"))
    (grid,) = listing.price_ranges
    if not grid.holds(touch.bid):
        raise row.bad("yes_bid_close", f"is off the grid of {listing.ticker}")
    if not grid.holds(touch.ask):
        raise row.bad("yes_ask_close", f"is off the grid of {listing.ticker}")
    if touch.bid >= touch.ask:
        raise row.bad("yes_bid_close", f"is not below the ask {row.text('yes_ask_close')}")
    return touch


def _listing(table: Table, contracts: Contracts | None, first_bar_ms: int) -> Listing:
    """Return the market: the record of `markets.csv` where there is one, else the comment's."""
    told = next((m for m in map(_MARKET.match, table.comments) if m is not None), None)
    if contracts is not None:
        tickers = contracts.tickers()
        if told is None and len(tickers) > 1:
            raise RecordingError(f"{contracts.file} lists {len(tickers)} markets: {_WHICH}")
        ticker = tickers[0] if told is None else told.group(1)
        return contracts.listing(ticker, first_bar_ms=first_bar_ms)
    if told is None:
        raise RecordingError(f"{table.file} names no market: {_WHICH}")
    return _told_listing(table, told, first_bar_ms)


def _told_listing(table: Table, told: re.Match[str], first_bar_ms: int) -> Listing:
    ticker, title, rest = told.groups()
    settled, result = _SETTLED.search(rest), _RESULT.search(rest)
    settled_ms = None if settled is None else parse_moment(settled.group(1))
    if settled_ms is None:
        raise RecordingError(
            f"{table.file}: the comment on {ticker} needs settlement_ts= with an ISO time and its"
            " offset, or the folder a markets.csv"
        )
    return bare_listing(
        ticker,
        title or ticker,
        result=None if result is None else RESULTS[result.group(1)],
        first_bar_ms=first_bar_ms,
        settled_ms=settled_ms,
    )
