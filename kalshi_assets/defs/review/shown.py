"""What the UI shows of a week's journal and of its review."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from kalshi_assets.defs.metadata import Metadata, cents_text, moment_text, new_york_text, table
from kalshi_assets.domain.journal import Journal, RoundTrip
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.domain.week import Week
from kalshi_assets.review.weekly import WeeklyReview
from kalshi_assets.storage.weekly_reviews import StoredReview


def journal_metadata(journal: Journal, week: Week, *, rows_changed: int) -> Metadata:
    """Return the trips of a week, those closed last first, and what they add up to."""
    closed = [t for t in journal.trips if t.closed_at is not None and t.closed_at >= week.begin]
    still_open = [trip for trip in journal.trips if trip.closed_at is None]
    closed.sort(key=lambda trip: trip.closed_at or week.begin, reverse=True)
    return {
        "trips": _trip_table([*still_open, *closed]),
        "week": _week(week),
        "trips_closed": len(closed),
        "result_usd": sum(trip.result_micros or 0 for trip in closed) / MICROS_PER_DOLLAR,
        "trips_open": len(still_open),
        "overrides": sum(each.at >= week.begin for each in journal.overrides),
        "rows_changed": rows_changed,
    }


def review_metadata(
    review: WeeklyReview, kept: StoredReview, *, markdown: str, files: Mapping[str, Path]
) -> Metadata:
    """Return the review as it is read in the UI, its main figures, and where its files are."""
    figures = review.figures
    trades = figures.traded.whole.figures
    return {
        "review": dg.MetadataValue.md(markdown),
        "answer": review.answer,
        "week": _week(figures.week),
        "known_until": moment_text(figures.known_until),
        "is_provisional": dg.MetadataValue.bool(figures.is_provisional),
        "trades": trades.trade_count,
        "net_profit_usd": trades.net_profit / MICROS_PER_DOLLAR,
        **{f"file_{suffix}": dg.MetadataValue.path(path) for suffix, path in files.items()},
        "content_hash": kept.content_hash,
    }


def _week(week: Week) -> str:
    return f"{week.first_day} to {week.last_day}, New York"


def _trip_table(trips: list[RoundTrip]) -> dg.MetadataValue:
    return table(
        ["closed (New York)", "by", "market", "side", "contracts", "paid", "came", "result", "how"],
        [
            [
                "open" if trip.closed_at is None else new_york_text(trip.closed_at),
                trip.kind,
                trip.market_ticker,
                trip.side.upper(),
                f"{trip.count / CENTICONTRACTS:g}",
                cents_text(trip.entry_price_micros),
                cents_text(trip.exit_price_micros),
                _usd(trip.result_micros),
                ", ".join(trip.closings),
            ]
            for trip in trips
        ],
        empty="No trip was closed or is open.",
    )


def _usd(micros: int | None) -> str:
    return "no price" if micros is None else f"{micros / MICROS_PER_DOLLAR:+.2f} USD"
