"""What was traded in a week: the whole, who traded it, how it splits, and what is open still."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.review.statistics import Bootstrap, Figure, bootstrap_mean
from kalshi_assets.review.weekly.trades import (
    Group,
    Trades,
    category_of,
    grouped,
    result_of,
    strategy_of,
    trades_of,
)

PARTIES = ("bot", "manual", "other")


@dataclass(frozen=True)
class Party:
    """The trades of the bot, by hand, or of neither, and whether all of theirs so far tell."""

    name: str
    trades: Trades
    so_far: Figure[Bootstrap]


@dataclass(frozen=True)
class Before:
    """The account's trades before its books were opened: what bot and hand stand beside.

    Attributes:
        party: all of them; they are in no other figure.
        first_at, last_at: when the first was opened and the last closed.
    """

    party: Party
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class OpenTrips:
    """Trips not closed yet: their result, marked, is in no other figure of the trades.

    Attributes:
        result: of those that have a price, fees paid so far included.
    """

    count: int
    unpriced_count: int
    result: Figure[int]


@dataclass(frozen=True, kw_only=True)
class Traded:
    """The trades closed in a week, and their splits: each adds up to the whole.

    Attributes:
        so_far: is the mean result of all trades closed up to the week's end different from zero?
        so_far_count: how many those are.
        before: None where nothing is known from before the books' opening.
    """

    whole: Trades
    so_far: Figure[Bootstrap]
    so_far_count: int
    open_trips: OpenTrips
    parties: tuple[Party, ...]
    by_strategy: tuple[Group, ...]
    by_category: tuple[Group, ...]
    by_market: tuple[Group, ...]
    before: Before | None


def traded_of(
    week: Sequence[RoundTrip],
    *,
    so_far: Sequence[RoundTrip],
    still_open: Sequence[RoundTrip],
    categories: Mapping[str, str],
    before: Sequence[RoundTrip] = (),
) -> Traded:
    """Return what was traded; `week` and `so_far` are closed trips, `week` being some of them."""
    return Traded(
        whole=trades_of(week),
        so_far=bootstrap_mean(results_by_day(so_far)),
        so_far_count=len(so_far),
        open_trips=open_trips(still_open),
        parties=parties(week, so_far),
        by_strategy=grouped(week, strategy_of),
        by_category=grouped(week, category_of(categories)),
        by_market=grouped(week, lambda trip: trip.market_ticker),
        before=before_of(before),
    )


def parties(week: Sequence[RoundTrip], so_far: Sequence[RoundTrip]) -> tuple[Party, ...]:
    """Return bot, manual and other, each of them even where it has no trade."""
    return tuple(
        _party(
            name,
            [trip for trip in week if party_of(trip) == name],
            so_far=[trip for trip in so_far if party_of(trip) == name],
        )
        for name in PARTIES
    )


def before_of(trips: Sequence[RoundTrip]) -> Before | None:
    """Return what was closed of the trips before the books' opening; None where nothing was."""
    closed = [trip for trip in trips if trip.closed_at is not None]
    if not closed:
        return None
    first, last = min(t.opened_at for t in closed), max(t.closed_at for t in closed if t.closed_at)
    return Before(_party("before", closed, so_far=closed), first, last)


def _party(name: str, trips: Sequence[RoundTrip], *, so_far: Sequence[RoundTrip]) -> Party:
    return Party(name, trades_of(trips), bootstrap_mean(results_by_day(so_far)))


def open_trips(trips: Sequence[RoundTrip]) -> OpenTrips:
    """Return what the trips that are still open would have made, sold at their marks."""
    results = [trip.result_micros for trip in trips]
    known = [result for result in results if result is not None]
    why_not = "no open position has a price" if trips else "no position is open"
    total: Figure[int] = Figure(sum(known)) if known else Figure(None, why_not)
    return OpenTrips(len(trips), len(trips) - len(known), total)


def results_by_day(trips: Sequence[RoundTrip]) -> list[tuple[date, int]]:
    """Return of each closed trip the New York day it was closed on, and its result."""
    return [(venue_day(t.closed_at), result_of(t)) for t in trips if t.closed_at is not None]


def party_of(trip: RoundTrip) -> str:
    """Return who made a trip; `other` is what was held at the opening, or nobody is known for."""
    return trip.kind if trip.kind in ("bot", "manual") else "other"
