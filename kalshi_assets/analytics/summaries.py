"""Daily summaries: what stays of a day when its ticks are gone."""

from datetime import date, datetime
from decimal import Decimal

import pandas as pd

from kalshi_assets.analytics.cleaning import Anchor
from kalshi_assets.analytics.rolling import MEAN_PLACES, totals_until
from kalshi_assets.domain.calendar import CollectionCalendar

Summary = dict[str, object]


def summarise(
    day: date,
    market_ticker: str,
    *,
    raw: pd.DataFrame,
    clean: pd.DataFrame,
    closing: Anchor | None,
    bounds: tuple[datetime, datetime],
    now: datetime,
    calendar: CollectionCalendar,
) -> Summary:
    """Return one market's row of `daily_summaries`.

    Args:
        day: the New York day.
        market_ticker: the market.
        raw: its raw ticks of the day, for trades, volume and open interest.
        clean: its clean ticks of the day.
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
        **_trades(raw),
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


def _trades(raw: pd.DataFrame) -> Summary:
    """Return trading of the day: candles state it; polls only move the totals."""
    raw = raw.sort_values("observed_at")
    candles = raw[raw["source"] == "candle"]
    traded = candles[candles["trade_open"].notna()]
    empty: Summary = dict.fromkeys(("trade_open", "trade_high", "trade_low", "trade_close"))
    prices = (
        empty
        if traded.empty
        else {
            "trade_open": int(traded["trade_open"].iloc[0]),
            "trade_high": int(traded["trade_high"].max()),
            "trade_low": int(traded["trade_low"].min()),
            "trade_close": int(traded["last_price"].iloc[-1]),
        }
    )
    return prices | {"volume": _volume(raw, candles), "open_interest": _last(raw, "open_interest")}


def _volume(raw: pd.DataFrame, candles: pd.DataFrame) -> int | None:
    polled = raw["volume"].dropna()
    of_candles = int(candles["bar_volume"].sum()) if not candles.empty else 0
    of_polls = int(polled.max() - polled.min()) if len(polled) > 1 else 0
    return max(of_candles, of_polls) if not raw.empty else None


def _last(raw: pd.DataFrame, column: str) -> int | None:
    values = raw[column].dropna()
    return int(values.iloc[-1]) if not values.empty else None
