"""The week under other thresholds. In-sample: whoever picks the best knows how the week ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from kalshi_assets.domain.week_inputs import PlayedWeek
from kalshi_assets.review.statistics import Figure, TradeFigures, trade_figures


@dataclass(frozen=True)
class Threshold:
    """What a threshold would have made of the stored prices.

    Attributes:
        figures: of the trades that are over; those still open are in none of them.
        open_count: trades held at the week's end in markets without a result.
        open_result: of those that have a price, at their marks.
    """

    points: Decimal
    is_configured: bool
    figures: TradeFigures
    open_count: int
    open_result: Figure[int]


def thresholds_of(played: Sequence[PlayedWeek]) -> tuple[Threshold, ...]:
    """Return what each threshold would have made, the lowest first."""
    return tuple(_threshold(week) for week in sorted(played, key=lambda week: week.points))


def _threshold(week: PlayedWeek) -> Threshold:
    over = [t.result_micros for t in week.trades if not t.is_open and t.result_micros is not None]
    held = [trade.result_micros for trade in week.trades if trade.is_open]
    marked = [result for result in held if result is not None]
    why_not = "none has a price" if held else "none is open"
    result: Figure[int] = Figure(sum(marked)) if marked else Figure(None, why_not)
    return Threshold(week.points, week.is_configured, trade_figures(over), len(held), result)
