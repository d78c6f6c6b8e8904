"""One week's review: the answer, the reasons, and the figures they come from. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.review.statistics import Bootstrap, Figure, bootstrap_mean
from kalshi_assets.review.weekly.account import Account, account_of
from kalshi_assets.review.weekly.hands import Overrides, overrides_of
from kalshi_assets.review.weekly.health import Api, Orders, Quality, api_of, orders_of, quality_of
from kalshi_assets.review.weekly.inputs import SettingChange, Week, WeekInputs
from kalshi_assets.review.weekly.refusals import Refusals, refusals_of
from kalshi_assets.review.weekly.trades import (
    Group,
    OpenTrips,
    Party,
    Trades,
    category_of,
    grouped,
    open_trips,
    parties,
    results_by_day,
    strategy_of,
    trades_of,
)


@dataclass(frozen=True, kw_only=True)
class WeekFigures:
    """Every figure of a week. A trade is of the week in which its last contract was closed.

    Attributes:
        known_until: the week's end, or up to when the week is known.
        trades: of all that were closed in the week; the groups and parties add up to it.
        so_far: is the mean result of all trades closed up to `known_until` different from zero?
        unassigned_micros: paid by settlements where the books held nothing; 0 where all is well.
    """

    week: Week
    known_until: datetime
    trades: Trades
    so_far: Figure[Bootstrap]
    so_far_count: int
    open_trips: OpenTrips
    parties: tuple[Party, ...]
    by_strategy: tuple[Group, ...]
    by_category: tuple[Group, ...]
    by_market: tuple[Group, ...]
    account: Account
    orders: Orders
    refusals: Refusals
    overrides: Overrides
    quality: Quality
    api: Api
    changes: tuple[SettingChange, ...]
    unassigned_micros: int

    @property
    def is_provisional(self) -> bool:
        """Tell whether the week was not over when this was made."""
        return self.known_until < self.week.end


@dataclass(frozen=True)
class WeeklyReview:
    """What a person reads on Sunday: first the answer, then the reasons, then the figures."""

    answer: str
    reasons: tuple[str, ...]
    figures: WeekFigures


def figures_of(inputs: WeekInputs) -> WeekFigures:
    """Return the figures of a week.

    Raises:
        ValueError: the journal knows of what came after the week, or the week has not begun.
    """
    so_far, still_open = _closed(inputs)
    week = [trip for trip in so_far if trip.closed_at and inputs.has(trip.closed_at)]
    trades = trades_of(week)
    overrides = [each for each in inputs.overrides if each.at < inputs.known_until]
    return WeekFigures(
        week=inputs.week,
        known_until=inputs.known_until,
        trades=trades,
        so_far=bootstrap_mean(results_by_day(so_far)),
        so_far_count=len(so_far),
        open_trips=open_trips(still_open),
        parties=parties(week, so_far),
        by_strategy=grouped(week, strategy_of),
        by_category=grouped(week, category_of(inputs.categories)),
        by_market=grouped(week, lambda trip: trip.market_ticker),
        account=account_of(inputs, net_profit=trades.figures.net_profit),
        orders=orders_of(inputs.orders),
        refusals=refusals_of([each for each in inputs.refused if inputs.has(each.judged_at)]),
        overrides=overrides_of([each for each in overrides if inputs.has(each.at)], overrides),
        quality=quality_of(inputs),
        api=api_of(inputs.calls),
        changes=_changes(inputs),
        unassigned_micros=inputs.unassigned_micros,
    )


def _closed(inputs: WeekInputs) -> tuple[Sequence[RoundTrip], Sequence[RoundTrip]]:
    """Return the trips that are closed and those that are open, none from after the week."""
    for trip in inputs.trips:
        last = trip.closed_at or trip.opened_at
        if last >= inputs.known_until:
            raise ValueError(
                f"{trip.trip_id} knows of {last}, which is not before {inputs.known_until}: "
                "make the review from the journal of the week's end"
            )
    trips = inputs.trips
    return [t for t in trips if t.closed_at is not None], [t for t in trips if t.closed_at is None]


def _changes(inputs: WeekInputs) -> tuple[SettingChange, ...]:
    found = [change for change in inputs.changes if inputs.has(change.at)]
    return tuple(sorted(found, key=lambda c: (c.at, c.name, c.before or "", c.after or "")))
