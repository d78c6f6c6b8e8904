"""The rows the advisory checks look at. Pure.

An honest nothing has a row, too: a tracked market without a signal, an event that cannot be
compared. So an empty frame is never mistaken for a good one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.domain.price import MICROS_PER_DOLLAR

Row = Mapping[str, Any]
HOUR, MILLISECOND = timedelta(hours=1), timedelta(milliseconds=1)
BARS = ("mid", "trade")
LEG_COLUMNS = ("market_ticker", "off_by_usd", "legs")


def leg_sum_rows(legs: Iterable[Row]) -> pd.DataFrame:
    """Return a row an event: market_ticker (the event's), off_by_usd, legs.

    Args:
        legs: a row a market that is still open, of every event with a tracked one: event_ticker,
            ticker, is_mutually_exclusive (None: not known), is_tracked, mid (None: no usable one).
    """
    events: dict[str, list[Row]] = {}
    for leg in legs:
        events.setdefault(leg["event_ticker"], []).append(leg)
    rows = [_leg_sum(event, of_event) for event, of_event in events.items()]
    return pd.DataFrame(rows, columns=list(LEG_COLUMNS))


def gap_rows(gaps: Sequence[Row], tracked: Iterable[str], *, now: datetime) -> pd.DataFrame:
    """Return a row a tracked market: market_ticker, longest_gap_seconds, gaps (what they were).

    Args:
        gaps: rows of `gaps` that reach into the time looked at; without markets, of all of them.
        tracked: the tracked markets.
        now: where a gap that is still open ends so far.
    """
    rows = []
    for ticker in tracked:
        own = [gap for gap in gaps if not gap["market_tickers"] or ticker in gap["market_tickers"]]
        lengths = [((gap["to_at"] or now) - gap["from_at"]).total_seconds() for gap in own]
        told = [
            f"{gap['reason']} of {gap['channel']} since {gap['from_at']:%H:%M:%S} UTC"
            for gap in own
        ]
        rows.append(
            {
                "market_ticker": ticker,
                "longest_gap_seconds": max(lengths, default=0.0),
                "gaps": "; ".join(told) or "none",
            }
        )
    return pd.DataFrame(rows, columns=["market_ticker", "longest_gap_seconds", "gaps"])


def summary_rows(summaries: Iterable[Row], *, now: datetime) -> pd.DataFrame:
    """Return summaries with is_in_order, bar, covered_share_of_day and hours_overdue."""
    columns = ("market_ticker", "day", "coverage", "covered_share_of_day", "hours_overdue")
    rows = [_summary(summary, now) for summary in summaries]
    return pd.DataFrame(rows, columns=[*columns, "is_in_order", "bar"])


def missing_day_rows(spans: Iterable[Row]) -> pd.DataFrame:
    """Return a row a market: market_ticker, days_missing, days.

    Args:
        spans: market_ticker, first_day, last_day, days (how many there are).
    """
    rows = [
        {
            "market_ticker": span["market_ticker"],
            "days_missing": (span["last_day"] - span["first_day"]).days + 1 - span["days"],
            "days": f"{span['days']} from {span['first_day']} to {span['last_day']}",
        }
        for span in spans
    ]
    return pd.DataFrame(rows, columns=["market_ticker", "days_missing", "days"])


def signal_rows(signals: Sequence[Row], tracked: Iterable[str]) -> pd.DataFrame:
    """Return a row an episode, and one for each tracked market without any.

    Args:
        signals: rows of `signals` with has_average and is_judged.
        tracked: the tracked markets.
    """
    without = sorted(set(tracked) - {row["market_ticker"] for row in signals})
    is_open = Counter(_episode_of(row) for row in signals if row["ended_at"] is None)
    rows = [_signal(row, is_open[_episode_of(row)]) for row in signals]
    rows += [_no_signal(ticker) for ticker in without]
    return pd.DataFrame(rows, columns=list(_no_signal("")))


def _leg_sum(event: str, legs: list[Row]) -> dict[str, object]:
    """Compare what can be compared; what cannot is off by nothing, and says why.

    Far legs are seldom bid for. Without their prices the others can still be worth too much.
    """
    told = {"market_ticker": event, "off_by_usd": 0.0}
    if not all(leg["is_mutually_exclusive"] for leg in legs):
        return told | {"legs": "not known to exclude each other"}
    priced = [leg for leg in legs if leg["mid"] is not None and leg["is_tracked"]]
    unpriced = [leg["ticker"] for leg in legs if leg not in priced]
    missing = f"no usable price of {', '.join(unpriced)}" if unpriced else ""
    if not priced:
        return told | {"legs": missing}
    total = sum(leg["mid"] for leg in priced) / MICROS_PER_DOLLAR
    off = max(total - 1, 0.0) if unpriced else abs(total - 1)
    prices = " + ".join(f"{leg['ticker']} {leg['mid'] / MICROS_PER_DOLLAR:g}" for leg in priced)
    said = f"{prices} = {total:g}" + (f"; {missing}" if missing else "")
    return told | {"off_by_usd": round(off, 6), "legs": said}


def _summary(row: Row, now: datetime) -> dict[str, object]:
    start, end = day_bounds(row["day"])
    overdue = max(timedelta(0), now - end) / HOUR if row["is_provisional"] else 0.0
    return {
        "market_ticker": row["market_ticker"],
        "day": row["day"],
        "coverage": None if row["coverage"] is None else float(row["coverage"]),
        "covered_share_of_day": row["covered_ms"] / ((end - start) / MILLISECOND),
        "hours_overdue": round(overdue, 2),
        "is_in_order": all(_is_in_order(row, kind) for kind in BARS),
        "bar": bar_text(row),
    }


def _is_in_order(row: Row, kind: str) -> bool:
    values = _bar(row, kind)
    prices = [value for value in values if value is not None]
    if len(prices) < len(values):
        return not prices
    return prices[1] == max(prices) and prices[2] == min(prices)


def bar_text(row: Row) -> str:
    """Return a day's bar as people read it, in dollars."""
    bars = [f"{kind} {'/'.join(_price(price) for price in _bar(row, kind))}" for kind in BARS]
    return f"{row['day']}: {', '.join(bars)} (open/high/low/close)"


def _bar(row: Row, kind: str) -> tuple[int | None, ...]:
    return tuple(row[f"{kind}_{part}"] for part in ("open", "high", "low", "close"))


def _price(micros: int | None) -> str:
    return "-" if micros is None else f"{micros / MICROS_PER_DOLLAR:g}"


def _episode_of(row: Row) -> tuple[str, str, date]:
    return row["market_ticker"], row["strategy"], row["day"]


def _signal(row: Row, open_episodes: int) -> dict[str, object]:
    stray = float(row["deviation"] - (row["mid"] - row["mean"]))
    is_over, is_no = row["ended_at"] is not None, row["side"] == "no"
    return {
        "market_ticker": row["market_ticker"],
        "fits_its_side": row["deviation"] >= 0 if is_no else row["deviation"] <= 0,
        "deviation_error": abs(stray),
        "has_coverage": row["coverage"] is not None and 0 <= row["coverage"] <= 1,
        "rests_on_an_average": row["has_average"] or (is_over and row["is_judged"]),
        "open_episodes": open_episodes,
        "signal": _signal_text(row),
    }


def _signal_text(row: Row) -> str:
    started: datetime | date = row["started_at"]
    return (
        f"{row['side'].upper()} since {started:%Y-%m-%d %H:%M} UTC, price {_price(row['mid'])}, "
        f"average {float(row['mean']) / MICROS_PER_DOLLAR:.4f}, "
        f"deviation {_price(row['deviation'])}"
    )


def _no_signal(ticker: str) -> dict[str, object]:
    return {
        "market_ticker": ticker,
        "fits_its_side": True,
        "deviation_error": 0.0,
        "has_coverage": True,
        "rests_on_an_average": True,
        "open_episodes": 0,
        "signal": "none",
    }
