"""What some closed trades made, and their groups, which add up to the whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.review.statistics import (
    Figure,
    PartsOfAll,
    TradeFigures,
    Trip,
    parts_of_all,
    slippage_of,
    trade_figures,
)

NO_STRATEGY = {
    "bot": "(strategy not known)",
    "manual": "(by hand)",
    "unknown": "(not known who)",
    "opening": "(held at the opening)",
}
NO_CATEGORY = "(category not known)"


@dataclass(frozen=True)
class Summed:
    """A sum over those trades in which the figure is known, and how many those are."""

    micros: Figure[Fraction]
    known_count: int


@dataclass(frozen=True)
class Trades:
    """What closed trades made, and from what. Costs of `parts` and slippage are below zero."""

    figures: TradeFigures
    parts: PartsOfAll
    entry_cost_micros: int
    fees_micros: int
    slippage_mid: Summed
    slippage_limit: Summed


@dataclass(frozen=True)
class Group:
    """The trades of one name: a strategy, a category, a market."""

    name: str
    trades: Trades


def trades_of(trips: Sequence[RoundTrip]) -> Trades:
    """Return what closed trips add up to."""
    plain = [as_plain(trip) for trip in trips]
    slippages = [slippage_of(trip) for trip in plain]
    return Trades(
        figures=trade_figures([result_of(trip) for trip in trips]),
        parts=parts_of_all(plain),
        entry_cost_micros=sum(trip.entry_cost_micros for trip in trips),
        fees_micros=sum(trip.entry_fees_micros + trip.exit_fees_micros for trip in trips),
        slippage_mid=_summed([s.against_mid for s in slippages]),
        slippage_limit=_summed([s.against_limit for s in slippages]),
    )


def result_of(trip: RoundTrip) -> int:
    """Return what a closed trip made after fees, micros.

    Raises:
        ValueError: it is still open.
    """
    if trip.closed_at is None or trip.result_micros is None:
        raise ValueError(f"{trip.trip_id} is still open: it has no result yet")
    return trip.result_micros


def as_plain(trip: RoundTrip) -> Trip:
    """Return a closed trip as the statistics take it, exact to the micro of its money."""
    return Trip(
        count=trip.count,
        paid=Fraction(trip.entry_cost_micros * CENTICONTRACTS, trip.count),
        end=Fraction(trip.proceeds_micros * CENTICONTRACTS, trip.count),
        fees=trip.entry_fees_micros + trip.exit_fees_micros,
        limit=trip.limit_micros,
        mean=trip.mean_micros,
        mid=trip.mid_micros,
    )


def grouped(trips: Sequence[RoundTrip], name_of: Callable[[RoundTrip], str]) -> tuple[Group, ...]:
    """Return the trips by name, the best result first; every trip is in exactly one group."""
    by_name: dict[str, list[RoundTrip]] = {}
    for trip in trips:
        by_name.setdefault(name_of(trip), []).append(trip)
    groups = [Group(name, trades_of(members)) for name, members in by_name.items()]
    return tuple(sorted(groups, key=lambda g: (-g.trades.figures.net_profit, g.name)))


def strategy_of(trip: RoundTrip) -> str:
    """Return the strategy of a trip, or in brackets why it has none."""
    return trip.strategy or NO_STRATEGY[trip.kind]


def category_of(categories: Mapping[str, str]) -> Callable[[RoundTrip], str]:
    """Return what names a trip's category."""
    return lambda trip: categories.get(trip.market_ticker, NO_CATEGORY)


def _summed(figures: Sequence[Figure[Fraction]]) -> Summed:
    known = [figure.value for figure in figures if figure.value is not None]
    if known:
        return Summed(Figure(sum(known, Fraction())), len(known))
    why_not = figures[0].why_not if figures else "no trade was closed"
    return Summed(Figure(None, why_not), 0)
