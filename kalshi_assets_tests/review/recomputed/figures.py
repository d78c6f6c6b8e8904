"""Trades, their groups, the account: every figure as docs/review.md defines it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np

from kalshi_assets_tests.review.recomputed.books import Told, Trip
from kalshi_assets_tests.review.recomputed.tables import Tables, new_york_day

Figures = dict[str, Any]
SEED, RESAMPLES, Z = 20_261_001, 10_000, 1.959963984540054
WITHOUT = {
    "bot": "(strategy not known)",
    "manual": "(by hand)",
    "unknown": "(not known who)",
    "opening": "(held at the opening)",
}


def ratio(above: Any, below: Any) -> Any:
    return Fraction(above) / Fraction(below) if below else None


def of_trades(trips: Sequence[Trip]) -> Figures:
    results = [trip.result or 0 for trip in trips]
    won, lost = [r for r in results if r > 0], [r for r in results if r < 0]
    n, low, high = len(results), None, None
    if n:
        share, half = len(won) / n, Z * sqrt(len(won) * (n - len(won)) / n**3 + Z**2 / 4 / n**2)
        middle, whole = share + Z**2 / 2 / n, 1 + Z**2 / n
        low, high = max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)
    winner, loser = ratio(sum(won), len(won)), ratio(sum(lost), len(lost))
    known = [
        (trip, mean, mid)
        for trip in trips
        if (mean := trip.price("mean")) is not None and (mid := trip.price("mid")) is not None
    ]
    explained = [trip for trip, _, _ in known]
    return {
        "trade_count": n,
        "win_count": len(won),
        "loss_count": len(lost),
        "tie_count": n - len(won) - len(lost),
        "net_profit_usd": sum(results),
        "win_rate_share": ratio(len(won), n),
        "win_rate_low_share": low,
        "win_rate_high_share": high,
        "average_winner_usd": winner,
        "average_loser_usd": loser,
        "reward_to_risk_ratio": ratio(winner, -loser) if won and lost else None,
        "expectancy_usd": ratio(sum(results), n),
        "profit_factor_ratio": ratio(sum(won), -sum(lost)),
        "entry_cost_usd": sum(trip.cost for trip in trips),
        "fees_usd": sum(trip.fees for trip in trips),
        **_slippage(trips, "mid", "mid"),
        **_slippage(trips, "limit", "limit_price"),
        "part_edge_usd": sum(_times(trip, mean - mid) for trip, mean, mid in known),
        "part_spread_and_slippage_usd": sum(_times(t, mid) - t.cost for t, _, mid in known),
        "part_settlement_usd": sum(t.proceeds - _times(t, mean) for t, mean, _ in known),
        "part_fees_usd": -sum(trip.fees for trip in explained),
        "part_unexplained_usd": sum((t.result or 0) for t in trips if t not in explained),
        "unexplained_count": n - len(known),
    }


def _times(trip: Trip, price: Any) -> Fraction:
    return Fraction(price) * trip.count / 100


def _slippage(trips: Sequence[Trip], name: str, column: str) -> Figures:
    known = [t for t in trips if t.price(column) is not None]
    total = sum(_times(t, t.price(column)) - t.cost for t in known) if known else None
    return {f"slippage_{name}_usd": total, f"slippage_{name}_known_count": len(known)}


def of_week(tables: Tables, told: Told) -> Figures:
    closed = [trip for trip in told.trips if trip.closed_at is not None]
    week = [trip for trip in closed if tables.has(trip.closed_at)]  # type: ignore[arg-type]
    still_open = [trip for trip in told.trips if trip.closed_at is None]
    marked = [trip.result for trip in still_open if trip.result is not None]
    categories = {r["ticker"]: r["category"] for r in tables.rows(CATEGORIES)}
    return {
        "trades": of_trades(week),
        "so_far_trade_count": len(closed),
        "so_far": bootstrap(closed),
        "open_trips": {
            "trip_count": len(still_open),
            "unpriced_count": len(still_open) - len(marked),
            "result_usd": sum(marked) if marked else None,
        },
        "by_party": [
            {
                "name": name,
                "trades": of_trades([t for t in week if party(t) == name]),
                "so_far": bootstrap([t for t in closed if party(t) == name]),
            }
            for name in ("bot", "manual", "other")
        ],
        "before": None,
        "by_strategy": grouped(week, lambda t: t.strategy or WITHOUT[t.kind]),
        "by_category": grouped(week, lambda t: categories.get(t.ticker, "(category not known)")),
        "by_market": grouped(week, lambda t: t.ticker),
        "unassigned_usd": told.unassigned,
    }


def party(trip: Trip) -> str:
    return trip.kind if trip.kind in ("bot", "manual") else "other"


def grouped(trips: Sequence[Trip], name_of: Callable[[Trip], str]) -> list[Figures]:
    groups: dict[str, list[Trip]] = defaultdict(list)
    for trip in trips:
        groups[name_of(trip)].append(trip)
    found = [{"name": name, "trades": of_trades(members)} for name, members in groups.items()]
    return sorted(found, key=lambda g: (-g["trades"]["net_profit_usd"], g["name"]))


def bootstrap(trips: Sequence[Trip]) -> Figures:
    names = [
        *("is_different_from_zero", "mean_usd", "mean_low_usd", "mean_high_usd"),
        *("not_above_zero_share", "resampled_by", "day_count", "resample_count"),
    ]
    dated = sorted((new_york_day(t.closed_at), t.result or 0) for t in trips if t.closed_at)
    if len(dated) < 5:
        return dict.fromkeys(names)
    days: dict[Any, list[int]] = defaultdict(list)
    for day, result in dated:
        days[day].append(result)
    is_by_day = len(days) >= 5
    blocks = list(days.values()) if is_by_day else [[result] for _, result in dated]
    generator, means, not_above, done = np.random.RandomState(SEED), [], 0, 0
    while done < RESAMPLES:
        size = min(max(1, 1_000_000 // len(blocks)), RESAMPLES - done)
        for drawn in generator.randint(0, len(blocks), size=(size, len(blocks)), dtype=np.int64):
            total = sum(sum(blocks[i]) for i in drawn)
            means.append(total / sum(len(blocks[i]) for i in drawn))
            not_above += total <= 0
        done += size
    if min(means) == max(means):
        return dict.fromkeys(names)
    ranked = sorted(means)
    low, high = (_quantile(ranked, share) for share in (0.025, 0.975))
    mean = Fraction(sum(result for _, result in dated), len(dated))
    told = [
        *(low > 0 or high < 0, mean, low, high, Fraction(not_above, RESAMPLES)),
        *("day" if is_by_day else "trade", len(days), RESAMPLES),
    ]
    return dict(zip(names, told, strict=True))


def _quantile(ranked: Sequence[float], share: float) -> float:
    place = share * (len(ranked) - 1)
    below = int(place)
    return ranked[below] + (ranked[below + 1] - ranked[below]) * (place - below)


def of_account(tables: Tables, net_profit: int) -> Figures:
    points = tables.rows("SELECT * FROM kalshi.portfolio WHERE as_of < %(until)s ORDER BY as_of")
    moved = tables.rows("SELECT * FROM kalshi.cash_movements WHERE kind <> 'opening'")
    valued = [p for p in points if p["value_micros"] is not None]
    before = [p for p in valued if p["as_of"] <= tables.begin][-1:]
    within = [p for p in valued if p["as_of"] > tables.begin]
    course = before + within
    opening = before[0]["value_micros"] if before else None
    closing = within[-1]["value_micros"] if within else None
    paid = _paid(moved, course[0]["as_of"], course[-1]["as_of"]) if course else 0
    change = None if opening is None or closing is None else closing - opening - paid
    exposure = _exposure(tables, course) if before and within else None
    worth = [
        (p["as_of"], p["value_micros"] - _paid(moved, course[0]["as_of"], p["as_of"]))
        for p in course
    ]
    return {
        "opening_usd": opening,
        "closing_usd": closing,
        "paid_in_usd": paid,
        "change_usd": change,
        "change_beside_trades_usd": None if change is None else change - net_profit,
        "net_return_share": ratio(net_profit, opening) if opening else None,
        **_drawdown(worth),
        "exposure_usd": exposure,
        "exposure_share": None if exposure is None else ratio(exposure, opening),
        "unvalued_count": sum(
            p["value_micros"] is None and p["as_of"] >= tables.begin for p in points
        ),
    }


def _paid(moved: Sequence[Any], since: Any, until: Any) -> int:
    return sum(m["amount_micros"] for m in moved if since < m["at"] <= until)


def _exposure(tables: Tables, course: Sequence[Any]) -> Fraction:
    ends = [p["as_of"] for p in course[1:]] + [tables.until]
    total = Fraction(0)
    for point, end in zip(course, ends, strict=True):
        lasted = (end - max(point["as_of"], tables.begin)).total_seconds()
        staked = point["value_micros"] - point["cash_micros"]
        total += staked * Fraction(round(max(lasted, 0) * 1_000_000), 1_000_000)
    return total / round((tables.until - tables.begin).total_seconds())


def _drawdown(worth: Sequence[tuple[Any, int]]) -> Figures:
    names = ("usd", "share", "peak_at", "trough_at", "recovered_at")
    if len(worth) < 2:
        return {f"max_drawdown_{name}": None for name in names}
    deepest, peak_at, peak, trough_at, top = 0, None, worth[0], None, worth[0][1]
    for at, value in worth:
        if value >= peak[1]:
            peak = at, value
        elif peak[1] - value > deepest:
            deepest, peak_at, trough_at, top = peak[1] - value, peak[0], at, peak[1]
    back = None
    if trough_at is not None:
        back = next((at for at, value in worth if at > trough_at and value >= top), None)
    told = (deepest, ratio(deepest, top) if deepest else Fraction(0), peak_at, trough_at, back)
    return {f"max_drawdown_{name}": value for name, value in zip(names, told, strict=True)}


CATEGORIES = """
SELECT m.ticker, s.category FROM kalshi.markets m JOIN kalshi.series s ON s.ticker = m.series_ticker
"""
