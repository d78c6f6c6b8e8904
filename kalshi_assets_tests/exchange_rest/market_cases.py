"""Reads of market data and of the exchange itself: each value is the tape's or the exchange's."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.market import BookLevel, Candle, OrderBook, Trade
from kalshi_assets.domain.price import micros
from kalshi_assets.kalshi.requests import TimeFilter
from kalshi_assets.local_exchange.tape import Candle as TapeCandle
from kalshi_assets_tests.exchange_rest.cases import Case, register
from kalshi_assets_tests.exchange_rest.world import (
    EVENT,
    HOUR,
    LATE,
    MICROS,
    NOON,
    SERIES,
    SOON,
    World,
)
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER

MARKET_CASES: dict[str, Case] = {}
case = register(MARKET_CASES)

ALL = [TICKER, SOON, LATE]
LONG = 24 * 100
"""Hours after which all that is over is archived."""


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def tickers_of(batch) -> list[str]:
    assert not batch.rejected
    return [snapshot.market.ticker for snapshot in batch.rows]


def held_trades(venue: World, first: datetime, last: datetime) -> list[Trade]:
    told = [
        Trade(
            one.trade_id,
            one.ticker,
            one.count,
            one.price * MICROS,
            "yes" if one.taker_side == "bid" else "no",
            False,
            moment(one.created_ms),
        )
        for one in venue.floor.tape.told
    ]
    return [trade for trade in told if first <= trade.created_at <= last]


def held_candle(ticker: str, candle: TapeCandle, minutes: int) -> Candle:
    assert candle.price is not None
    bid, ask, price = candle.bid, candle.ask, candle.price
    return Candle(
        ticker,
        minutes * 60,
        moment(candle.end_ms),
        bid.close * MICROS,
        ask.close * MICROS,
        (bid.open * MICROS, bid.low * MICROS, bid.high * MICROS),
        (ask.open * MICROS, ask.low * MICROS, ask.high * MICROS),
        price.open * MICROS,
        price.low * MICROS,
        price.high * MICROS,
        price.close * MICROS,
        candle.volume,
        candle.open_interest,
    )


def held_candles(venue: World, ticker: str, minutes: int) -> list[Candle]:
    candles = venue.floor.tape.candles(ticker, minutes, NOON_MS - 3_600_000, NOON_MS)
    return [held_candle(ticker, one, minutes) for one in candles]


HOUR_BEFORE: dict[str, Any] = {"start": NOON - HOUR, "end": NOON, "interval_minutes": 1}


@case
def exchange_status(venue: World) -> None:
    told = venue.client.exchange_status()
    assert (told.is_exchange_active, told.is_trading_active) == (True, True)
    assert [shard.exchange_index for shard in told.shards] == [0, 1, 2, 3]
    venue.floor.exchange.interventions.is_exchange_paused = True
    told = venue.client.exchange_status()
    assert (told.is_exchange_active, told.is_trading_active) == (False, False)


@case
def exchange_schedule(venue: World) -> None:
    (week,) = venue.client.exchange_schedule().weeks
    assert [len(day) for day in week.days] == [1, 1, 1, 2, 1, 1, 1]
    before, after = week.days[3]
    assert (before.closes, after.opens) == (time(3), time(5))


@case
def user_data_timestamp(venue: World) -> None:
    assert venue.client.user_data_timestamp() == venue.now
    venue.floor.exchange.interventions.read_lag_ms = 360
    assert venue.client.user_data_timestamp() == venue.now - timedelta(milliseconds=360)


@case
def await_reads(venue: World) -> None:
    venue.floor.exchange.interventions.read_lag_ms = 10_000
    ack = venue.buy("yes", "0.10", "1")
    assert not venue.client.await_reads(ack.acknowledged_at, within_seconds=0)
    venue.floor.wait(10.001)
    assert venue.client.await_reads(ack.acknowledged_at, within_seconds=0)


@case
def historical_cutoff(venue: World) -> None:
    told, tiers = venue.client.historical_cutoff(), venue.floor.exchange.terms.tiers
    ages = {
        told.market_settled_at: tiers.markets_ms,
        told.trade_created_at: tiers.trades_ms,
        told.order_updated_at: tiers.orders_ms,
        told.position_updated_at: tiers.positions_ms,
    }
    assert ages == {venue.now - timedelta(milliseconds=ms): ms for ms in ages.values()}


@case
def series_fee_changes(venue: World) -> None:
    assert venue.client.series_fee_changes(series_ticker=SERIES, is_past_included=True) == []


@case
def event_fee_changes(venue: World) -> None:
    assert venue.client.event_fee_changes(event_ticker=EVENT) == []


@case
def series(venue: World) -> None:
    told, held = venue.client.series(SERIES), venue.floor.tape.series[SERIES]
    assert (told.ticker, told.title, told.category) == (held.ticker, held.title, held.category)
    assert (told.fee_type, told.fee_multiplier) == ("quadratic", Decimal(1))


@case
def series_list(venue: World) -> None:
    told = venue.client.series_list(category="Economics")
    assert told.rows == (venue.client.series(SERIES),)
    assert venue.client.series_list(category="Sports").rows == ()
    assert venue.client.series_list(min_updated_at=NOON).rows == ()


@case
def event(venue: World) -> None:
    told = venue.client.event(EVENT, with_markets=True)
    assert (told.ticker, told.series_ticker, told.exchange_index) == (EVENT, SERIES, 0)
    assert told.fee_type_override is None
    assert told.markets == venue.client.markets(event_ticker=EVENT).snapshots
    assert venue.client.event(EVENT).markets is None


@case
def events(venue: World) -> None:
    told = venue.client.events(series_ticker=SERIES, status="open", with_markets=True)
    assert told.rows == (venue.client.event(EVENT, with_markets=True),)
    assert venue.client.events(tickers=["KXNONE-26OCT"]).rows == ()
    assert venue.client.events(status="settled").rows == ()


@case
def market(venue: World) -> None:
    venue.take("yes", "0.52", "1")
    told, held = venue.client.market(TICKER), venue.floor.tape.listings[TICKER]
    assert (told.market.event_ticker, told.market.status) == (EVENT, "active")
    assert told.market.open_at == moment(held.open_ms)
    assert told.market.close_at == moment(held.close_ms)
    assert told.market.grid.holds(micros("0.01"))
    assert not told.market.grid.holds(micros("0.005"))
    quote = told.quote
    assert (quote.yes_bid, quote.yes_bid_size) == (micros("0.47"), 300)
    assert (quote.yes_ask, quote.yes_ask_size) == (micros("0.52"), 200)
    assert (quote.last_price, quote.volume) == (micros("0.52"), 200)  # the tape's one, and ours
    venue.wait(LONG)
    told = venue.client.market(SOON)
    assert (told.market.status, told.market.result) == ("finalized", "yes")
    assert (told.market.settlement_value, told.market.settled_at) == (1_000_000, NOON + 2 * HOUR)


@case
def markets(venue: World) -> None:
    client = venue.client
    assert tickers_of(client.markets()) == ALL
    assert tickers_of(client.markets(tickers=[LATE, TICKER, "KXNONE"])) == [TICKER, LATE]
    assert client.markets(tickers=[TICKER]).snapshots == (client.market(TICKER),)
    assert tickers_of(client.markets(series_ticker=SERIES, status="settled")) == []
    assert tickers_of(client.markets(combos="only")) == []
    soon = TimeFilter("close", NOON, NOON + 2 * HOUR)
    assert tickers_of(client.markets(time=soon)) == [SOON]
    venue.wait(3)
    settled = TimeFilter("settled", NOON, NOON + 2 * HOUR)
    assert tickers_of(client.markets(status="settled", time=settled)) == [SOON]
    changed = TimeFilter("updated", NOON, NOON + 2 * HOUR)
    assert tickers_of(client.markets(time=changed, combos="exclude", series_ticker=SERIES)) == [
        SOON
    ]


@case
def historical_market(venue: World) -> None:
    venue.wait(LONG)
    assert venue.client.historical_market(SOON) == venue.client.market(SOON)


@case
def historical_markets(venue: World) -> None:
    assert venue.client.historical_markets(series_ticker=SERIES).rows == ()
    venue.wait(LONG)
    assert tickers_of(venue.client.historical_markets(tickers=[SOON, TICKER])) == [TICKER, SOON]
    assert tickers_of(venue.client.historical_markets(event_ticker=EVENT)) == [TICKER, SOON]


@case
def settled_markets(venue: World) -> None:
    for hours in (3, LONG):
        venue.wait(hours)
        found = venue.client.settled_markets(SERIES, start=NOON, end=NOON + 3 * HOUR)
        assert tickers_of(found) == [SOON]


@case
def orderbook(venue: World) -> None:
    venue.buy("yes", "0.48", "2")
    yes = (BookLevel(micros("0.47"), 300), BookLevel(micros("0.48"), 200))
    no = (BookLevel(micros("0.48"), 300),)
    assert venue.client.orderbook(TICKER) == OrderBook(TICKER, yes, no)
    assert venue.client.orderbook(TICKER, depth=1) == OrderBook(TICKER, yes[1:], no)


@case
def orderbooks(venue: World) -> None:
    found = venue.client.orderbooks([TICKER, LATE, "KXNONE"])
    assert found.rows == (venue.client.orderbook(TICKER), venue.client.orderbook(LATE))


@case
def trades(venue: World) -> None:
    venue.wait(2)
    first, last = NOON + HOUR / 3, NOON + HOUR
    found = venue.client.trades(ticker=TICKER, start=first, end=last)
    assert list(found.rows) == held_trades(venue, first, last)[::-1]
    assert len(found.rows) == 3
    assert venue.client.trades(is_block_trade=True).rows == ()


@case
def historical_trades(venue: World) -> None:
    venue.wait(LONG)
    found = venue.client.historical_trades(ticker=TICKER, start=NOON, end=NOON + HOUR)
    assert list(found.rows) == held_trades(venue, NOON, NOON + HOUR)[::-1]
    assert venue.client.trades().rows == ()


@case
def trade_history(venue: World) -> None:
    venue.wait(2)
    stretch: dict[str, Any] = {"start": NOON, "end": NOON + HOUR, "ticker": TICKER}
    held = held_trades(venue, NOON, NOON + HOUR)[:-1]
    assert list(venue.client.trade_history(**stretch).rows) == held
    venue.wait(LONG)
    assert list(venue.client.trade_history(**stretch, is_block_trade=False).rows) == held


@case
def candlesticks(venue: World) -> None:
    found = venue.client.candlesticks([TICKER, LATE], **HOUR_BEFORE)
    held = [one for ticker in (TICKER, LATE) for one in held_candles(venue, ticker, 1)]
    assert list(found.candles) == held
    assert len(held) == 2 * 61


@case
def market_candlesticks(venue: World) -> None:
    found = venue.client.market_candlesticks(TICKER, series_ticker=SERIES, **HOUR_BEFORE)
    assert list(found.candles) == held_candles(venue, TICKER, 1)


@case
def historical_candlesticks(venue: World) -> None:
    venue.wait(LONG)
    found = venue.client.historical_candlesticks(TICKER, **HOUR_BEFORE)
    assert list(found.candles) == held_candles(venue, TICKER, 1)


@case
def candle_history(venue: World) -> None:
    venue.wait(LONG)
    found = venue.client.candle_history([TICKER, LATE], **HOUR_BEFORE)
    held = [one for ticker in (LATE, TICKER) for one in held_candles(venue, ticker, 1)]
    assert sorted(map(str, found.candles)) == sorted(map(str, held))
