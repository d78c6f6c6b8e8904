"""What a check is: a property of an asset's rows, written as data."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class QualityLimits:
    """Thresholds of the checks, from settings."""

    max_quote_age_seconds: int
    max_bad_share: float
    min_coverage: float
    max_leg_sum_difference: float = 0.1
    max_bar_difference_points: float = 2.0
    max_bar_volume_difference: float = 0.05


@dataclass(frozen=True)
class Rule:
    """One expectation on a column: a value between two bounds, or out of a set.

    Attributes:
        beside: another column that explains a bad value, shown beside it.
    """

    column: str
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[Any, ...] | None = None
    beside: str | None = None

    @property
    def text(self) -> str:
        """Return the rule as people write it."""
        if self.one_of is not None:
            return f"{self.column} in {', '.join(str(value) for value in self.one_of)}"
        low = "" if self.at_least is None else f"{self.at_least:g} <= "
        high = "" if self.at_most is None else f" <= {self.at_most:g}"
        return f"{low}{self.column}{high}"


@dataclass(frozen=True)
class Check:
    """A property of an asset's rows.

    Attributes:
        bad: what a market is that fails it: "5 of 5 markets stale".
        is_live: about this moment; it belongs to poll and order jobs, not to backfills.
        is_gating: an order needs its fresh, passing verdict.
        is_strict: one bad row fails it for the feed.
        of: what a row is about: the sentence "2 of 5 events off" names it.
        is_asking: it asks the exchange, by a step of its own: an outage costs no other check.
        is_of_market: true of single markets: a thin one says nothing of the feed, which fails only
            where every market does.
    """

    name: str
    asset: str
    description: str
    rules: tuple[Rule, ...]
    bad: str
    is_live: bool = False
    is_gating: bool = True
    is_strict: bool = False
    is_of_market: bool = False
    is_asking: bool = False
    of: str = "markets"
