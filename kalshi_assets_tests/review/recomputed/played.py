"""The week under other thresholds, played once more on its stored averages and quotes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from kalshi_assets_tests.review.recomputed.books import DOLLAR, taker_fee, worth
from kalshi_assets_tests.review.recomputed.figures import Figures, ratio
from kalshi_assets_tests.review.recomputed.tables import Row, Tables, new_york_day

THRESHOLDS = ("8", "10", "12", "14", "16")
Held = tuple[int | None, bool]


def of_week(tables: Tables) -> list[Figures]:
    """Return what each threshold would have made, by the settings that are in force now."""
    rows = tables.rows("SELECT settings FROM kalshi.settings_history ORDER BY row_id DESC LIMIT 1")
    settings = rows[0]["settings"]
    known = tables.rows(VALUES)
    if not known:
        return []
    budget = int(known[0]["value_micros"] * Decimal(settings["max_trade_pct"]) / 100)
    configured = Decimal(settings["deviation_points"])
    courses = _courses(tables, settings)
    return [
        _threshold(courses, points, settings, budget, is_configured=points == configured)
        for points in sorted({*map(Decimal, THRESHOLDS), configured})
    ]


def _courses(tables: Tables, settings: dict[str, str]) -> list[tuple[Row, list[Row]]]:
    features = defaultdict(list)
    for row in tables.rows(FEATURES, window=int(settings["window_days"])):
        features[row["market_ticker"]].append(row)
    markets = {row["ticker"]: row for row in tables.rows(MARKETS)}
    quotes = {row["market_ticker"]: row for row in tables.rows(CLOSING)}
    found = []
    for ticker, rows in sorted(features.items()):
        market = markets[ticker]
        if market["fee_multiplier"] is not None:
            found.append(({**market, "closing": quotes.get(ticker)}, rows))
    return found


def _threshold(
    courses: Sequence[tuple[Row, list[Row]]],
    points: Decimal,
    settings: dict[str, str],
    budget: int,
    *,
    is_configured: bool,
) -> Figures:
    trigger = round(float(points) * 10_000)
    made = [
        held
        for market, rows in courses
        for held in _trades(market, rows, trigger, _Exits(settings), budget)
    ]
    over = [result for result, is_open in made if not is_open and result is not None]
    marks = [result for result, is_open in made if is_open and result is not None]
    won = sum(result > 0 for result in over)
    return {
        "threshold_points": points,
        "is_configured": is_configured,
        "trade_count": len(over),
        "win_count": won,
        "win_rate_share": ratio(won, len(over)),
        "net_profit_usd": sum(over),
        "open_count": sum(is_open for _, is_open in made),
        "open_result_usd": sum(marks) if marks else None,
    }


class _Exits:
    def __init__(self, settings: dict[str, str]) -> None:
        def micros(name: str) -> int | None:
            return int(Decimal(settings[name]) * 10_000) if name in settings else None

        self.profit, self.stop = micros("exit_take_profit_points"), micros("exit_stop_points")
        hours = settings.get("exit_hours_before_close")
        self.before = None if hours is None else timedelta(hours=float(hours))

    @property
    def is_none(self) -> bool:
        return self.profit is None and self.stop is None and self.before is None

    def sells(self, side: str, paid: int, row: Row, close_at: datetime) -> bool:
        bid = bid_of(side, row)
        if bid is None or self.is_none:
            return False
        if self.stop is not None and bid < paid - self.stop:
            return True
        is_quoted = row["yes_bid"] > 0 and row["yes_ask"] < DOLLAR
        off = abs(Decimal(row["yes_bid"] + row["yes_ask"]) / 2 - row["mean"])
        if self.profit is not None and is_quoted and off <= self.profit:
            return True
        return self.before is not None and close_at - row["as_of"] <= self.before


def bid_of(side: str, row: Row) -> int | None:
    if side == "yes":
        return row["yes_bid"] if row["yes_bid"] > 0 else None
    return DOLLAR - row["yes_ask"] if row["yes_ask"] < DOLLAR else None


def _triggers(rows: Sequence[Row], trigger: int) -> Iterator[tuple[Row, str]]:
    """Yield where an episode first goes beyond the threshold; a day ends all episodes."""
    for _, of_day in groupby(rows, key=lambda row: new_york_day(row["as_of"])):
        side, has_fired = None, False
        for row in of_day:
            off = row["mid"] - row["mean"]
            now = "no" if off > 0 else "yes"
            if abs(off) < trigger // 2:
                side = None
                continue
            if now != side:
                side, has_fired = now, False
            if not has_fired and abs(round(off)) > trigger:
                has_fired = True
                yield row, now


def _trades(
    market: Row, rows: Sequence[Row], trigger: int, exits: _Exits, budget: int
) -> Iterator[Held]:
    free_from: datetime | None = None
    for row, side in _triggers(rows, trigger):
        at = row["as_of"]
        if free_from is not None and at < free_from:
            continue
        price = row["yes_ask"] if side == "yes" else DOLLAR - row["yes_bid"]
        fee, free_from = market["fee_multiplier"], at
        count = _most(budget, price, fee) if 0 < price < DOLLAR else 0
        if not count:
            continue
        spent = count * price // 100 + taker_fee(count, price, fee)
        later = (r for r in rows if r["as_of"] > at)
        sold = next((r for r in later if exits.sells(side, price, r, market["close_at"])), None)
        if sold is None:
            result, is_open = _end(market, side, count, exits)
            yield (None if result is None else result - spent), is_open
            return
        bid = bid_of(side, sold) or 0
        yield count * bid // 100 - taker_fee(count, bid, fee) - spent, False
        free_from = sold["as_of"]


def _most(budget: int, price: int, fee: Any) -> int:
    count = budget // price
    while count and count * price + taker_fee(count * 100, price, fee) > budget:
        count -= 1
    return count * 100


def _end(market: Row, side: str, count: int, exits: _Exits) -> Held:
    if market["result"] in ("yes", "no") and (exits.is_none or market["is_over"]):
        return worth(side, count, DOLLAR * (market["result"] == "yes")), False
    if market["closing"] is None:
        return None, True
    bid = market["closing"]["yes_bid"]
    price = bid if side == "yes" else DOLLAR - market["closing"]["yes_ask"]
    return count * price // 100, True


VALUES = """
(SELECT as_of, value_micros FROM kalshi.portfolio
 WHERE as_of < %(begin)s AND value_micros IS NOT NULL ORDER BY as_of DESC LIMIT 1)
UNION ALL
(SELECT as_of, value_micros FROM kalshi.portfolio
 WHERE as_of >= %(begin)s AND as_of < %(until)s AND value_micros IS NOT NULL
 ORDER BY as_of LIMIT 1)
ORDER BY as_of
"""
FEATURES = """
SELECT a.market_ticker, a.as_of, a.mean, c.mid, c.yes_bid, c.yes_ask
FROM kalshi.rolling_averages a
JOIN kalshi.clean_ticks c ON c.market_ticker = a.market_ticker AND c.observed_at = a.as_of
WHERE a.as_of >= %(begin)s AND a.as_of < %(until)s AND a.mean IS NOT NULL
  AND a.window_days = %(window)s AND c.mid IS NOT NULL
ORDER BY a.market_ticker, a.as_of
"""
MARKETS = """
SELECT m.ticker, m.result, m.close_at, m.close_at <= %(until)s AS is_over, s.fee_multiplier
FROM kalshi.markets m LEFT JOIN kalshi.series s ON s.ticker = m.series_ticker
"""
CLOSING = """
SELECT DISTINCT ON (market_ticker) market_ticker, yes_bid, yes_ask FROM kalshi.clean_ticks
WHERE is_usable AND observed_at >= %(begin)s AND observed_at < %(until)s
ORDER BY market_ticker, observed_at DESC
"""
