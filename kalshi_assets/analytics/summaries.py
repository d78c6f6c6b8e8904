"""Daily summaries: what stays of a day when its ticks are gone."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from kalshi_assets.analytics.cleaning import Anchor
from kalshi_assets.analytics.memory import CANDLE
from kalshi_assets.analytics.rolling import MEAN_PLACES, totals_until
from kalshi_assets.domain.calendar import CollectionCalendar

Summary = dict[str, object]
_TRADE_PRICES = ("trade_open", "trade_high", "trade_low", "trade_close")


def told_of_day(raw: pd.DataFrame, bounds: tuple[datetime, datetime]) -> pd.DataFrame:
    """Return the raw ticks of [start, end] that tell of the day between them.

    A candle tells of the time before its end: the one that ends at midnight belongs to the day that
    ends then, and its closing price, which stands from there on, to the next.
    """
    start, end = bounds
    is_candle, at = raw["source"] == CANDLE, raw["observed_at"]
    return raw[(is_candle & (at > start)) | (~is_candle & (at < end))]


def summarise(
    day: date,
    market_ticker: str,
    *,
    raw: pd.DataFrame,
    clean: pd.DataFrame,
    trades: Sequence[Mapping[str, Any]],
    closing: Anchor | None,
    bounds: tuple[datetime, datetime],
    now: datetime,
    calendar: CollectionCalendar,
) -> Summary:
    """Return one market's row of `daily_summaries`.

    Args:
        day: the New York day.
        market_ticker: the market.
        raw: what its raw ticks tell of the day, for trades, volume and open interest.
        clean: its clean ticks of the day.
        trades: its public trades of the day, oldest first; they count where there are no candles.
        closing: the last usable tick before the day's end, of this day or an earlier one.
        bounds: the day's start and end, UTC.
        now: the venue's moment; a day that has not ended is provisional.
        calendar: for the expected time.
    """
    start, end = bounds
    until = min(end, now)
    totals = totals_until(closing, until, day_start=start, calendar=calendar)
    expected = calendar.expected_ms(start, until)
    usable = clean[clean["is_usable"]].sort_values("observed_at")
    return {
        "day": day,
        "market_ticker": market_ticker,
        **_mids(usable["mid"]),
        **_trades(raw, trades),
        "mean": totals.mean,
        "price_ms": totals.price_ms,
        "covered_ms": totals.covered_ms,
        "coverage": _coverage(totals.covered_ms, expected),
        "tick_count": totals.tick_count,
        "is_provisional": now < end,
    }


def _coverage(covered_ms: int, expected_ms: int) -> Decimal:
    share = Decimal(covered_ms) / expected_ms if expected_ms else Decimal(0)
    return share.quantize(MEAN_PLACES)


def _mids(mids: "pd.Series[int]") -> Summary:
    if mids.empty:
        return dict.fromkeys(("mid_open", "mid_high", "mid_low", "mid_close"))
    return {
        "mid_open": int(mids.iloc[0]),
        "mid_high": int(mids.max()),
        "mid_low": int(mids.min()),
        "mid_close": int(mids.iloc[-1]),
    }


def _trades(raw: pd.DataFrame, trades: Sequence[Mapping[str, Any]]) -> Summary:
    """Return trading of the day: candles state it; without them its trades do."""
    raw = raw.sort_values("observed_at")
    candles = raw[raw["source"] == CANDLE]
    prices = _prices_of_trades(trades) if candles.empty else _prices_of_candles(candles)
    volume = _volume(raw, candles, trades)
    return prices | {"volume": volume, "open_interest": _last(raw, "open_interest")}


def _prices_of_candles(candles: pd.DataFrame) -> Summary:
    traded = candles[candles["trade_open"].notna()]
    if traded.empty:
        return dict.fromkeys(_TRADE_PRICES)
    return {
        "trade_open": int(traded["trade_open"].iloc[0]),
        "trade_high": int(traded["trade_high"].max()),
        "trade_low": int(traded["trade_low"].min()),
        "trade_close": int(traded["last_price"].iloc[-1]),
    }


def _prices_of_trades(trades: Sequence[Mapping[str, Any]]) -> Summary:
    """Return what was paid in the book; what was matched beside it is no price of the market."""
    prices = [trade["yes_price"] for trade in trades if not trade["is_block_trade"]]
    if not prices:
        return dict.fromkeys(_TRADE_PRICES)
    ends = (prices[0], max(prices), min(prices), prices[-1])
    return dict(zip(_TRADE_PRICES, ends, strict=True))


def _volume(
    raw: pd.DataFrame, candles: pd.DataFrame, trades: Sequence[Mapping[str, Any]]
) -> int | None:
    if raw.empty:
        return None
    polled = raw["volume"].dropna()
    of_polls = int(polled.max() - polled.min()) if len(polled) > 1 else 0
    if candles.empty:
        return max(of_polls, sum(int(trade["count"]) for trade in trades))
    return max(of_polls, int(candles["bar_volume"].sum()))


def _last(raw: pd.DataFrame, column: str) -> int | None:
    values = raw[column].dropna()
    return int(values.iloc[-1]) if not values.empty else None
