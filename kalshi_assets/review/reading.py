"""A week's review out of the database: the journal of its books, and beside it what else is known.

Reads, and writes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.journal import Journal
from kalshi_assets.domain.week import Week
from kalshi_assets.domain.week_inputs import WeekInputs
from kalshi_assets.errors import LedgerNotOpen
from kalshi_assets.review.replaying import Rulebook, play_again
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.journal import read_books, read_earlier_books, sell_prices
from kalshi_assets.storage.weeks import TICKS, forgotten_of, read_courses, read_week


@dataclass(frozen=True)
class ReadWeek:
    """What a week's review is made of, and how the prices of what was traded in it ran."""

    inputs: WeekInputs
    courses: Mapping[str, pd.DataFrame]


def journal_at(connection: Connection, until: datetime) -> Journal:
    """Return the journal of all books up to a moment."""
    prices = sell_prices(connection, until=until)
    return journal_of(read_books(connection, until=until), sell_prices=prices)


def read_review(
    connection: Connection, week: Week, *, clock: VenueClock, rules: Rulebook
) -> ReadWeek:
    """Return what is known now of a week, played again by other rules too.

    Raises:
        ValueError: the week has not begun.
    """
    known = read_week(connection, week, as_of=clock.now())
    forgotten = forgotten_of(connection, week, clock=clock)
    journal = journal_at(connection, known.known_until)
    inputs = replace(
        known,
        trips=journal.trips,
        overrides=journal.overrides,
        unassigned_micros=journal.unassigned_micros,
        before=_before(connection).trips,
        played=() if TICKS in forgotten else play_again(connection, known, rules),
        forgotten=forgotten,
    )
    courses = read_courses(
        connection,
        week,
        traded_markets(inputs),
        until=inputs.known_until,
        window_days=rules.window_days,
    )
    return ReadWeek(inputs, courses)


def traded_markets(inputs: WeekInputs) -> list[str]:
    """Return the markets in which something was held in the week."""
    begin = inputs.week.begin
    held = (t for t in inputs.trips if t.closed_at is None or t.closed_at >= begin)
    return sorted({trip.market_ticker for trip in held})


def _before(connection: Connection) -> Journal:
    """Return the journal of the account's time before its books were opened; it may be empty."""
    try:
        return journal_of(read_earlier_books(connection), sell_prices={})
    except LedgerNotOpen:
        return Journal((), (), 0)
