"""Cleaning against the database: new ticks behind the last ones, or a whole day anew."""

from datetime import date, datetime, timedelta

import pandas as pd

from kalshi_assets.analytics.cleaning import Anchor, clean
from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.analytics.sequence import MILLISECOND
from kalshi_assets.domain.calendar import day_bounds, days_between, venue_day
from kalshi_assets.storage import ticks
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.rows import records

# The database keeps microseconds.
JUST_BEFORE = timedelta(microseconds=1)


def clean_new_ticks(connection: Connection, day: date, rules: CleaningRules) -> int:
    """Clean the day's raw ticks that came after the last clean ones; return how many."""
    ticks.lock_cleaning(connection)
    done = ticks.last_clean_moments(connection, day)
    raw = ticks.raw_ticks_of(connection, day, after=done)
    first = raw.groupby("market_ticker")["observed_at"].min().to_dict() if len(raw) else {}
    anchors = _anchors(connection, {str(t): moment for t, moment in first.items()})
    before = _before(connection, list(first.values()), rules)
    rows = clean(raw, anchors, day_start=day_bounds(day)[0], rules=rules, before=before)
    return ticks.add_clean_ticks(connection, records(rows))


def reclean_day(connection: Connection, day: date, rules: CleaningRules) -> int:
    """Clean a whole day anew, and the days its price reaches into where its end changed."""
    ticks.lock_cleaning(connection)
    start, end = day_bounds(day)
    raw = ticks.raw_ticks_of(connection, day)
    tickers = set(raw["market_ticker"]) | set(ticks.last_clean_moments(connection, day))
    closing = _anchors(connection, dict.fromkeys(tickers, end))
    anchors = _anchors(connection, dict.fromkeys(tickers, start))
    before = _before(connection, [start], rules)
    rows = clean(raw, anchors, day_start=start, rules=rules, before=before)
    written = ticks.rewrite_clean_ticks(connection, day, records(rows))
    after = _anchors(connection, dict.fromkeys(tickers, end))
    for next_day in _days_reached(_changed(closing, after), end):
        if ticks.has_clean_ticks(connection, next_day):
            reclean_day(connection, next_day, rules)
    return written


def _before(
    connection: Connection, starts: list[datetime], rules: CleaningRules
) -> pd.DataFrame | None:
    """Return the raw ticks before these moments that faults in sequence look back at."""
    if not starts:
        return None
    first, last = min(starts) - rules.sequence.reach, max(starts) - JUST_BEFORE
    return ticks.raw_ticks_between(connection, first, last)


def _anchors(connection: Connection, moments: dict[str, datetime]) -> dict[str, Anchor]:
    """Return each market's last usable tick before its moment."""
    pairs = [(ticker, moment - JUST_BEFORE) for ticker, moment in moments.items()]
    return {t: anchor for (t, _), anchor in ticks.anchors_at(connection, pairs).items()}


def _changed(before: dict[str, Anchor], after: dict[str, Anchor]) -> list[Anchor]:
    """Return the closing ticks, old and new, of the markets where they differ."""
    return [
        anchor
        for ticker in before.keys() | after.keys()
        if _closing(before.get(ticker)) != _closing(after.get(ticker))
        for anchor in (before.get(ticker), after.get(ticker))
        if anchor is not None
    ]


def _closing(anchor: Anchor | None) -> tuple[datetime, str, int, int] | None:
    """Return what of a day reaches into the next: the price, since when, and for how long."""
    if anchor is None:
        return None
    return anchor.observed_at, anchor.source, anchor.mid, anchor.hold_ms


def _days_reached(closings: list[Anchor], end: datetime) -> list[date]:
    """Return the days behind `end` into which one of these prices holds."""
    reach = [anchor.observed_at + anchor.hold_ms * MILLISECOND for anchor in closings]
    last = max(reach, default=end) - JUST_BEFORE
    return list(days_between(venue_day(end), venue_day(last)))
