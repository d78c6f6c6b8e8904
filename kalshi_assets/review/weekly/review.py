"""One week's review: the answer, the reasons, and the figures they come from. Pure."""

from dataclasses import dataclass
from datetime import datetime

from kalshi_assets.domain.week import Week
from kalshi_assets.domain.week_inputs import SettingChange, WeekInputs
from kalshi_assets.review.weekly.account import Account, account_of
from kalshi_assets.review.weekly.hands import Overrides, overrides_of
from kalshi_assets.review.weekly.health import Api, Orders, Quality, api_of, orders_of, quality_of
from kalshi_assets.review.weekly.refusals import Refusals, refusals_of
from kalshi_assets.review.weekly.thresholds import Threshold, thresholds_of
from kalshi_assets.review.weekly.traded import Traded, traded_of


@dataclass(frozen=True, kw_only=True)
class WeekFigures:
    """Every figure of a week. A trade is of the week in which its last contract was closed.

    Attributes:
        known_until: the week's end, or up to when the week is known.
        unassigned_micros: paid by settlements where the books held nothing; 0 where all is well.
        forgotten: records of which some of the week's are past retention: they are not counted.
    """

    week: Week
    known_until: datetime
    traded: Traded
    account: Account
    orders: Orders
    refusals: Refusals
    overrides: Overrides
    quality: Quality
    api: Api
    changes: tuple[SettingChange, ...]
    thresholds: tuple[Threshold, ...]
    unassigned_micros: int
    forgotten: tuple[str, ...]

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
    traded = _traded(inputs)
    overrides = [each for each in inputs.overrides if each.at < inputs.known_until]
    return WeekFigures(
        week=inputs.week,
        known_until=inputs.known_until,
        traded=traded,
        account=account_of(inputs, net_profit=traded.whole.figures.net_profit),
        orders=orders_of(inputs.orders),
        refusals=refusals_of([each for each in inputs.refused if inputs.has(each.judged_at)]),
        overrides=overrides_of([each for each in overrides if inputs.has(each.at)], overrides),
        quality=quality_of(inputs),
        api=api_of(inputs.calls),
        changes=_changes(inputs),
        thresholds=thresholds_of(inputs.played),
        unassigned_micros=inputs.unassigned_micros,
        forgotten=tuple(sorted(set(inputs.forgotten))),
    )


def _traded(inputs: WeekInputs) -> Traded:
    """Return what was traded, from a journal that knows nothing from after the week."""
    for trip in inputs.trips:
        last = trip.closed_at or trip.opened_at
        if last >= inputs.known_until:
            raise ValueError(
                f"{trip.trip_id} knows of {last}, which is not before {inputs.known_until}: "
                "make the review from the journal of the week's end"
            )
    so_far = [trip for trip in inputs.trips if trip.closed_at is not None]
    return traded_of(
        [trip for trip in so_far if trip.closed_at and inputs.has(trip.closed_at)],
        so_far=so_far,
        still_open=[trip for trip in inputs.trips if trip.closed_at is None],
        categories=inputs.categories,
        before=inputs.before,
    )


def _changes(inputs: WeekInputs) -> tuple[SettingChange, ...]:
    found = [change for change in inputs.changes if inputs.has(change.at)]
    return tuple(sorted(found, key=lambda c: (c.at, c.name, c.before or "", c.after or "")))
