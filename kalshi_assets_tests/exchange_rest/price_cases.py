"""Reads of order books, trades and candles: each value is the tape's."""

from datetime import datetime
from typing import Any

from kalshi_assets.domain.market import BookLevel, Candle, OrderBook, Trade
from kalshi_assets.domain.price import micros
from kalshi_assets.local_exchange.tape import Candle as TapeCandle
from kalshi_assets_tests.exchange_rest.cases import Case, register
from kalshi_assets_tests.exchange_rest.world import (
    HOUR,
    LATE,
    LONG,
    MICROS,
    NOON,
    SERIES,
    World,
    moment,
)
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER

PRICE_CASES: dict[str, Case] = {}
case = register(PRICE_CASES)

HOUR_BEFORE: dict[str, Any] = {"start": NOON - HOUR, "end": NOON, "interval_minutes": 1}


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


@case
def candle_tiers(venue: World) -> None:
    now = venue.client.candle_tiers([TICKER, LATE])
    assert (sorted(now.live), list(now.historical)) == (sorted([TICKER, LATE]), [])
    venue.wait(LONG)
    later = venue.client.candle_tiers([TICKER, LATE])
    assert TICKER in later.historical
    assert LATE in later.live
