"""Any bar at all: its candles, counters, trades and quotes agree with each other and with it."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.local_exchange.recordings.bars import RecordedBar, Touch
from kalshi_assets.local_exchange.recordings.history import History
from kalshi_assets.local_exchange.recordings.market import RecordedMarket
from kalshi_assets.local_exchange.scenarios.candles import fold
from kalshi_assets.local_exchange.tape import Bar
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER, listing

MINUTE_MS = 60_000


@st.composite
def bars(draw):
    low, *inner, high = sorted(draw(st.lists(st.integers(1, 99), min_size=4, max_size=4)))
    first, close = draw(st.permutations(inner))
    length = draw(st.sampled_from([MINUTE_MS, HOUR_MS, HOUR_MS - 12_345, DAY_MS]))
    price = Bar(open=first * 100, low=low * 100, high=high * 100, close=close * 100)
    volume = draw(st.one_of(st.integers(1, 500), st.integers(0, 10_000_000)))
    quotes = draw(st.sampled_from([None, (Touch(0, 500), Touch(200, 10_000))]))
    start = NOON_MS - 20 * HOUR_MS
    return RecordedBar(
        start_ms=start,
        until_ms=start + length,
        end_ms=start + (HOUR_MS if length == HOUR_MS - 12_345 else length),
        price=price,
        mean=first * 100,
        volume=volume,
        open_interest=7,
        previous=None,
        quotes=quotes,
    )


def market_of(bar):
    history = History(listing(close_ms=NOON_MS + 40 * HOUR_MS), (bar,), minutes=1440)
    return RecordedMarket(history, recording="drawn", spread=200)


@settings(max_examples=40, deadline=None)
@given(bars())
def test_minutes_fold_to_the_bar(bar):
    minutes = market_of(bar).candles(1, bar.start_ms, bar.end_ms)
    whole = fold(minutes, bar.end_ms)
    assert minutes[-1].end_ms == -(-bar.until_ms // MINUTE_MS) * MINUTE_MS
    assert whole.volume == bar.volume
    for candle in minutes:
        assert candle.price is None or bar.price.low <= candle.price.low
        assert candle.price is None or candle.price.high <= bar.price.high
    if bar.slots >= 4 and bar.volume >= bar.slots * 100:
        assert whole.price == bar.price
        assert bar.price.low * bar.volume <= whole.notional <= bar.price.high * bar.volume


@settings(max_examples=40, deadline=None)
@given(bars(), st.lists(st.integers(-HOUR_MS, 30 * HOUR_MS), min_size=2, max_size=8))
def test_volume_never_falls_and_is_the_sum_of_the_trades(bar, offsets):
    market = market_of(bar)
    for before, after in itertools.pairwise(sorted(bar.start_ms + offset for offset in offsets)):
        trades = market.trades(before, after)
        grown = market.activity_at(after).volume - market.activity_at(before).volume
        assert sum(trade.count for trade in trades) == grown >= 0
        assert [t.created_ms for t in trades] == sorted({t.created_ms for t in trades})
        assert all(trade.ticker == TICKER for trade in trades)


@settings(max_examples=40, deadline=None)
@given(bars(), st.integers(-HOUR_MS, 30 * HOUR_MS))
def test_quotes_are_on_the_grid_never_crossed_and_dated_by_the_last_change(bar, offset):
    market, ms = market_of(bar), bar.start_ms + offset
    quote = market.quote_at(ms)
    assert all(market.listing.is_on_grid(one.price) for one in (*quote.bids, *quote.asks))
    assert all(one.count >= 10_00 for one in (*quote.bids, *quote.asks))
    if quote.bids and quote.asks:
        assert quote.bids[0].price < quote.asks[0].price
    changes = market.changes(bar.start_ms - 1, ms)
    assert (changes[-1] if changes else 0) == quote.version
