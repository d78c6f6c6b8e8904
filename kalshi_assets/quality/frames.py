"""The rows the checks look at: one a market, with the measures the rules name. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

import pandas as pd

from kalshi_assets.analytics.memory import MOVES_TO_CALL_FROZEN, Row, Standstill
from kalshi_assets.domain.market import Market, TrackedMarket
from kalshi_assets.domain.price import MICROS_PER_DOLLAR

# 25 hours, when clocks are set back.
LONGEST_DAY_MS = 90_000_000
REQUIRED = ("yes_bid", "yes_ask", "yes_bid_size", "yes_ask_size", "last_price", "volume", "status")


def market_rows(tracked: Mapping[str, TrackedMarket]) -> pd.DataFrame:
    """Return a row a tracked market: has_grid, has_fee_terms."""
    return pd.DataFrame(
        [
            {
                "market_ticker": ticker,
                "has_grid": bool(known.market.grid.ranges),
                "has_fee_terms": known.fee_multiplier is not None,
            }
            for ticker, known in tracked.items()
        ],
        columns=["market_ticker", "has_grid", "has_fee_terms"],
    )


def tick_rows(ticks: pd.DataFrame, markets: Mapping[str, Market], *, now: datetime) -> pd.DataFrame:
    """Return raw ticks with is_on_grid, spread, has_all_fields and quote_age_seconds.

    Args:
        ticks: raw ticks; of candles only the fields a candle has are asked for.
        markets: by ticker, for the grid.
        now: the venue's moment.
    """
    rows = ticks.copy()
    present = rows[list(REQUIRED)].notna().all(axis=1)
    rows["has_all_fields"] = present | (rows["source"] == "candle")
    rows["spread"] = rows["yes_ask"] - rows["yes_bid"]
    rows["is_on_grid"] = [
        _is_on_grid(markets.get(ticker), bid, ask)
        for ticker, bid, ask in zip(
            rows["market_ticker"], rows["yes_bid"], rows["yes_ask"], strict=True
        )
    ]
    one_sided = (rows["yes_bid"] <= 0) | (rows["yes_ask"] <= 0)
    rows["spread"] = rows["spread"].where(~one_sided, 0)
    rows["quote_age_seconds"] = (pd.Timestamp(now) - rows["quoted_at"]).dt.total_seconds()
    return rows


def presence_rows(
    expected: Sequence[str], ticks: pd.DataFrame, duplicates: Sequence[str] = ()
) -> pd.DataFrame:
    """Return a row an expected market: is_present, is_unique.

    Args:
        expected: the markets that were asked for.
        ticks: what came.
        duplicates: the markets that came more than once.
    """
    seen, twice = set(ticks["market_ticker"]), set(duplicates)
    rows = [
        {"market_ticker": t, "is_present": t in seen, "is_unique": t not in twice} for t in expected
    ]
    return pd.DataFrame(rows, columns=["market_ticker", "is_present", "is_unique"])


def frozen_rows(
    ticks: pd.DataFrame, *, frozen_after_seconds: int, moving: Sequence[str] = ()
) -> pd.DataFrame:
    """Return a row a market: is_frozen, unchanged_seconds, moves.

    Frozen: bid, ask and (where known) their sizes unchanged for long, while volume or the
    exchange's time of change moved at least three times.

    Args:
        ticks: raw ticks of all sources, reaching back further than `frozen_after_seconds`.
        frozen_after_seconds: how long unchanged is too long.
        moving: markets that are known not to be frozen, without a look at their ticks.
    """
    reach = 3 * timedelta(seconds=frozen_after_seconds)
    rows: list[dict[str, object]] = [
        {"market_ticker": t, "is_frozen": False, "unchanged_seconds": None, "moves": None}
        for t in sorted(moving)
    ]
    for ticker, ticks_of_it in groupby(_plain(ticks), key=itemgetter("market_ticker")):
        unchanged, moves = _unchanged(ticks_of_it, reach)
        rows.append(
            {
                "market_ticker": ticker,
                "is_frozen": unchanged >= frozen_after_seconds and moves >= MOVES_TO_CALL_FROZEN,
                "unchanged_seconds": unchanged,
                "moves": moves,
            }
        )
    return pd.DataFrame(rows, columns=["market_ticker", "is_frozen", "unchanged_seconds", "moves"])


def clean_rows(clean: pd.DataFrame) -> pd.DataFrame:
    """Return clean ticks with is_plausible; one that is not used has nothing to be plausible."""
    is_priced = clean["mid"].between(0, MICROS_PER_DOLLAR, inclusive="neither")
    is_within_day = clean["covered_ms"].between(0, LONGEST_DAY_MS)
    return clean.assign(is_plausible=~clean["is_usable"] | (is_priced & is_within_day))


def newest_rows(clean: pd.DataFrame) -> pd.DataFrame:
    """Return each market's newest clean tick with fault_names."""
    newest = latest_a_market(clean)
    return newest.assign(fault_names=[" and ".join(faults) for faults in newest["faults"]])


def latest_a_market(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each market's newest row."""
    if rows.empty:
        return rows
    return rows.sort_values("observed_at").groupby("market_ticker", as_index=False).tail(1)


def _is_on_grid(market: Market | None, bid: int, ask: int) -> bool:
    """An empty side has no price to be on a grid: 0 and 1 dollar pass."""
    if market is None:
        return False
    return all(p in (0, 1_000_000) or market.grid.holds(p) for p in (bid, ask))


def _plain(ticks: pd.DataFrame) -> Iterable[Row]:
    """Return ticks as plain values, a missing one None, by market and time."""
    # All at once: a frame of each market would take eight times as long.
    values = ticks.sort_values(["market_ticker", "observed_at"]).astype(object)
    columns = [values[name].where(values[name].notna(), None) for name in values]
    names = [str(name) for name in values]
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _unchanged(ticks: Iterable[Row], reach: timedelta) -> tuple[float, int]:
    """Return for how long the newest quote has stood, and how often the market moved in it."""
    standstill, stood, moves = Standstill(), timedelta(0), 0
    for row in ticks:
        stood, moves = standstill.see(row, reach)
    return stood.total_seconds(), moves
