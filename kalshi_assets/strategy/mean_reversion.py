"""Mean reversion: a price far off its 7-day time-weighted average is expected to come back.

YES mid above the average by more than the threshold: buy NO. Below it: buy YES. From half the
threshold on, an episode is watched, so that the ledger can say why it was not traded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.price import MICROS_PER_CENT, MICROS_PER_DOLLAR
from kalshi_assets.domain.signal import Signal

NAME = "mean_reversion"
STRENGTH_PLACES = Decimal("0.0001")


@dataclass(frozen=True)
class Feature:
    """What the strategy sees of a market at one moment. Prices in micros."""

    as_of: datetime
    mid: int
    yes_bid: int
    yes_ask: int
    mean: Decimal
    coverage: Decimal
    average_hash: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Feature":
        """Return a stored average, beside the quote of its moment."""
        return cls(
            as_of=row["as_of"],
            mid=row["mid"],
            yes_bid=row["yes_bid"],
            yes_ask=row["yes_ask"],
            mean=row["mean"],
            coverage=row["coverage"],
            average_hash=row["content_hash"],
        )


@dataclass(frozen=True)
class Rules:
    """Levels of |mid - mean| in micros: an episode lasts from `watch`, trades above `trigger`."""

    trigger: int
    watch: int

    @classmethod
    def of_points(cls, points: float) -> "Rules":
        """Return the rules for a threshold in points (cents); watching starts at half of it."""
        trigger = round(points * MICROS_PER_CENT)
        return cls(trigger=trigger, watch=trigger // 2)


def episodes(
    market_ticker: str,
    day: date,
    features: Iterable[Feature],
    *,
    rules: Rules,
) -> list[Signal]:
    """Return the day's episodes in order; the last one may still be open.

    Args:
        market_ticker: the market.
        day: the New York day; no episode outlives it.
        features: of that day, in order of time.
        rules: levels.
    """
    done: list[Signal] = []
    current: Signal | None = None
    for feature in features:
        side: Side = "no" if feature.mid > feature.mean else "yes"
        is_over = abs(feature.mid - feature.mean) < rules.watch
        if current is not None and (is_over or side != current.side):
            done.append(replace(current, ended_at=feature.as_of))
            current = None
        if is_over:
            continue
        if current is None:
            current = _begin(market_ticker, day, feature, side)
        current = _continue(current, feature, rules)
    return [*done, current] if current is not None else done


def _begin(market_ticker: str, day: date, feature: Feature, side: Side) -> Signal:
    return Signal(
        strategy=NAME,
        market_ticker=market_ticker,
        day=day,
        started_at=feature.as_of,
        last_seen_at=feature.as_of,
        ended_at=None,
        side=side,
        strength=Decimal(0),
        deviation=0,
        mid=feature.mid,
        mean=feature.mean,
        coverage=feature.coverage,
        triggered_at=None,
        reference_price=None,
        average_hash=feature.average_hash,
    )


def _continue(signal: Signal, feature: Feature, rules: Rules) -> Signal:
    deviation = round(feature.mid - feature.mean)
    seen = replace(
        signal,
        last_seen_at=feature.as_of,
        deviation=deviation,
        strength=(Decimal(abs(deviation)) / rules.trigger).quantize(STRENGTH_PLACES),
        mid=feature.mid,
        mean=feature.mean,
        coverage=feature.coverage,
        average_hash=feature.average_hash,
    )
    if signal.triggered_at is None and abs(deviation) > rules.trigger:
        price = ask_of(signal.side, yes_bid=feature.yes_bid, yes_ask=feature.yes_ask)
        return replace(seen, triggered_at=feature.as_of, reference_price=price)
    return seen


def ask_of(side: Side, *, yes_bid: int, yes_ask: int) -> int:
    """Return what one contract of a side costs now, micros: buying NO is selling YES at its bid."""
    return yes_ask if side == "yes" else MICROS_PER_DOLLAR - yes_bid
