"""Which markets the picture of prices shows, and what was bought and closed in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.review.weekly import WeekInputs, WeeklyReview
from kalshi_assets.review.weekly.spelling import number_of, result
from kalshi_assets.review.weekly.trades import result_of

MOST_MARKETS = 6
BOUGHT = {"yes": "bought YES", "no": "bought NO"}
CLOSED = {1: "closed, won", -1: "closed, lost", 0: "closed at $0.00"}


@dataclass(frozen=True)
class Mark:
    """What was done at a moment, at which price of YES, micros."""

    at: datetime
    price: int
    name: str


@dataclass(frozen=True)
class Held:
    """A trade's two ends, each None where it is not of the week."""

    opened: Mark | None
    closed: Mark | None

    @property
    def marks(self) -> Iterator[Mark]:
        """Return the ends there are."""
        return (mark for mark in (self.opened, self.closed) if mark is not None)


@dataclass(frozen=True)
class Course:
    """A market of the week: its prices, what was held in it, and what the closed trades made."""

    ticker: str
    prices: pd.DataFrame
    held: Sequence[Held]
    made: str


@dataclass(frozen=True)
class Chosen:
    """The markets shown, and how many were traded in all, some of them without a stored price."""

    shown: Sequence[Course]
    traded_count: int
    unpriced_count: int

    @property
    def left_out_count(self) -> int:
        """Return how many traded markets are not shown."""
        return self.traded_count - len(self.shown)


def chosen_of(
    inputs: WeekInputs, review: WeeklyReview, courses: Mapping[str, pd.DataFrame]
) -> Chosen:
    """Return the markets in which something was bought or closed, most at stake first."""
    by_market: dict[str, list[RoundTrip]] = {}
    for trip in inputs.trips:
        if inputs.has(trip.opened_at) or (trip.closed_at and inputs.has(trip.closed_at)):
            by_market.setdefault(trip.market_ticker, []).append(trip)
    ranked = sorted(by_market, key=lambda t: (-sum(x.entry_cost_micros for x in by_market[t]), t))
    priced = [t for t in ranked if t in courses and courses[t]["mid"].notna().any()]
    made = {g.name: result(g.trades.figures.net_profit) for g in review.figures.traded.by_market}
    shown = [
        Course(t, courses[t], [held_of(x, inputs) for x in by_market[t]], made.get(t, "still open"))
        for t in priced[:MOST_MARKETS]
    ]
    return Chosen(shown, len(ranked), len(ranked) - len(priced))


def held_of(trip: RoundTrip, inputs: WeekInputs) -> Held:
    """Return what of a trade was done in the week, in prices of YES."""
    opened = closed = None
    if inputs.has(trip.opened_at):
        opened = Mark(trip.opened_at, _of_yes(trip, trip.entry_price_micros), BOUGHT[trip.side])
    price = trip.exit_price_micros
    if trip.closed_at is not None and price is not None and inputs.has(trip.closed_at):
        made = result_of(trip)
        outcome = CLOSED[(made > 0) - (made < 0)]
        closed = Mark(trip.closed_at, _of_yes(trip, price), outcome)
    return Held(opened, closed)


def told_of(chosen: Chosen) -> str:
    """Return the picture's numbers in words."""
    markets = "; ".join(f"{each.ticker}: {_done(each)}" for each in chosen.shown)
    said = (
        f"Price of YES against its average in {len(chosen.shown):,} of "
        f"{number_of(chosen.traded_count, 'market')} traded in the week, most at stake first, with "
        f"what was bought and closed. {markets}."
    )
    if not chosen.unpriced_count:
        return said
    return f"{said} Without a stored price: {number_of(chosen.unpriced_count, 'market')}."


def _of_yes(trip: RoundTrip, price: int) -> int:
    return price if trip.side == "yes" else MICROS_PER_DOLLAR - price


def _done(course: Course) -> str:
    bought = sum(held.opened is not None for held in course.held)
    closed = sum(held.closed is not None for held in course.held)
    return f"{bought:,} bought, {closed:,} closed, {course.made}"
