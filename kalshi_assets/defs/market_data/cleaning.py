"""Cleaning against the database: new ticks behind the last ones, or a whole day anew."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from kalshi_assets.analytics.cleaning import Anchor, Cleaned, clean
from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.analytics.memory import Told
from kalshi_assets.analytics.sequence import MILLISECOND
from kalshi_assets.domain.calendar import day_bounds, days_between, venue_day
from kalshi_assets.domain.tick import LATEST
from kalshi_assets.storage import averages, ticks, uncleaned
from kalshi_assets.storage import cleaning_memories as stored
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.frames import records

# The database keeps microseconds.
JUST_BEFORE = timedelta(microseconds=1)


def clean_new_ticks(connection: Connection, day: date, rules: CleaningRules) -> int:
    """Clean the raw ticks that no clean tick was made of yet, and return how many were written.

    A tick that came late takes its place: what was cleaned behind it is cleaned anew, and averaged
    anew. Around midnight that may be ticks of the day before.
    """
    ticks.lock_cleaning(connection)
    if stored.has_memories_after(connection, day):
        return reclean_day(connection, day, rules)
    start, end = day_bounds(day)
    before = stored.memories_before(connection, end, reach=rules.sequence.reach)
    since = max([start, *before.last_at.values()]) if before.is_whole else start
    firsts = uncleaned.uncleaned_ticks(connection, since - LATEST, end)
    late = {t: at for t, at in firsts.items() if at <= before.last_at.get(t, at)}
    _rewind(connection, late)
    known = {t: memory for t, memory in before.known.items() if t not in late}
    anchors = {t: anchor for t, anchor in before.anchors.items() if t not in late}
    written = 0
    for each in days_between(venue_day(min(firsts.values(), default=end)), day):
        raw = uncleaned.raw_ticks_from(connection, *day_bounds(each), firsts=firsts)
        rows = _clean(connection, each, raw, known, rules, anchors=anchors)
        ticks.add_clean_ticks(connection, _rows(rows.ticks))
        stored.keep_memories(connection, each, rows.memories, _last_moments(rows.ticks))
        known |= rows.memories
        anchors = {t: anchor for t, anchor in anchors.items() if t not in rows.memories}
        written += len(rows.ticks)
    return written


def _rewind(connection: Connection, firsts: Mapping[str, datetime]) -> None:
    """Take back what was cleaned of these markets from a moment on, and its averages."""
    if firsts:
        averages.lock_averages(connection)
        uncleaned.forget_from(connection, firsts)


def reclean_day(connection: Connection, day: date, rules: CleaningRules) -> int:
    """Clean a whole day anew, and the days behind it that its changed end reaches into."""
    ticks.lock_cleaning(connection)
    start, end = day_bounds(day)
    raw = ticks.raw_ticks_of(connection, day)
    tickers = set(raw["market_ticker"]) | ticks.markets_cleaned(connection, day)
    closing = _anchors(connection, dict.fromkeys(tickers, end))
    remembered = stored.closing_memories(connection, day)
    known = stored.memories_before(connection, start, reach=rules.sequence.reach).known
    rows = _clean(connection, day, raw, known, rules)
    written = ticks.rewrite_clean_ticks(connection, day, _rows(rows.ticks))
    stored.rewrite_memories(connection, day, rows.memories, _last_moments(rows.ticks))
    after = _anchors(connection, dict.fromkeys(tickers, end))
    days = _days_reached(_changed(closing, after), end)
    # A price that holds into a day changes its total, also where it changes none of its ticks.
    ticks.reopen_summaries(connection, days)
    if remembered != rows.memories:
        days = sorted({*days, venue_day(end)})
    for next_day in days:
        if ticks.markets_cleaned(connection, next_day):
            reclean_day(connection, next_day, rules)
    return written


def _clean(
    connection: Connection,
    day: date,
    raw: pd.DataFrame,
    known: Mapping[str, Told],
    rules: CleaningRules,
    *,
    anchors: Mapping[str, Anchor] | None = None,
) -> Cleaned:
    """Clean raw ticks of a day behind what is there before them; look up anchors not known yet."""
    first = raw.groupby("market_ticker")["observed_at"].min().to_dict() if len(raw) else {}
    firsts = {str(ticker): moment for ticker, moment in first.items()}
    missing = {ticker: at for ticker, at in firsts.items() if ticker not in known}
    memories = {**known, **_memories_of_ticks(connection, missing, rules)}
    anchors = anchors or {}
    unknown = {ticker: at for ticker, at in firsts.items() if ticker not in anchors}
    anchors = {**anchors, **_anchors(connection, unknown)}
    start = day_bounds(day)[0]
    return clean(raw, anchors, day_start=start, rules=rules, memories=memories)


def _memories_of_ticks(
    connection: Connection, firsts: dict[str, datetime], rules: CleaningRules
) -> Mapping[str, Told]:
    """Return what the clean ticks of the reach before these moments mean, where none is kept."""
    if not firsts:
        return {}
    start, end = min(firsts.values()) - rules.sequence.reach, max(firsts.values())
    judged = stored.last_clean_moments(connection, firsts, start, end)
    if not judged:
        return {}
    raw = ticks.raw_ticks_between(connection, start, end, list(judged))
    raw = raw[raw["observed_at"] < raw["market_ticker"].map(firsts)]
    return clean(raw, {}, day_start=start, rules=rules).memories


def _rows(cleaned: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows to be written, without what is of the raw ticks only."""
    return records(cleaned[[c.name for c in ticks.clean_ticks.columns if c.name in cleaned]])


def _last_moments(rows: pd.DataFrame) -> dict[str, datetime]:
    if rows.empty:
        return {}
    newest = rows.groupby("market_ticker")["observed_at"].max().to_dict()
    return {str(ticker): moment for ticker, moment in newest.items()}


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
