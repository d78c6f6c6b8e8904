"""A week played again under another threshold, on its stored prices. Pure.

The strategy's own functions find the episodes, its own rules the exits, and the fees are the
venue's. What is left out: gates, depth, limits of the portfolio, and that others would have seen
these orders. It is in-sample: whoever picks the best threshold of a week picks what is known of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.fees import taker_fee
from kalshi_assets.domain.market import Quote
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.domain.signal import Signal
from kalshi_assets.domain.week_inputs import Played
from kalshi_assets.strategy.exits import ExitRules, Holding, bid_of, exit_of
from kalshi_assets.strategy.mean_reversion import Feature, Rules, episodes
from kalshi_assets.strategy.sizing import contracts_within


@dataclass(frozen=True, kw_only=True)
class Course:
    """A market's week as the strategy sees it, and how the market ended.

    Attributes:
        features: of the week, in order of time. Where no exit rule is set, those that begin,
            continue or end no episode may be missing.
        yes_value: what one YES contract was settled at, micros; None where what is held at the
            week's end is marked.
        closing: the last bid and ask of the week, micros of YES, to mark it with; None: none known.
    """

    market_ticker: str
    features: Sequence[Feature]
    fee_multiplier: Decimal
    close_at: datetime
    yes_value: int | None
    closing: tuple[int, int] | None


@dataclass(frozen=True)
class Stake:
    """How a week is played: when to sell, and what one trade may cost, with its fee, micros."""

    exits: ExitRules
    budget_micros: int


def play(course: Course, *, points: Decimal, stake: Stake) -> list[Played]:
    """Return the trades that a threshold would have made in a market, one position at a time."""
    played: list[Played] = []
    free_from: datetime | None = None
    for signal in _triggered(course, points):
        at = signal.triggered_at
        if at is None or (free_from is not None and at < free_from):
            continue
        trade, free_from = _trade(course, signal, at, stake)
        played += [] if trade is None else [trade]
        if trade is not None and free_from is None:
            break  # held to the end
    return played


def _triggered(course: Course, points: Decimal) -> Iterable[Signal]:
    rules = Rules.of_points(float(points))
    by_day = groupby(course.features, key=lambda feature: venue_day(feature.as_of))
    for day, features in by_day:
        found = episodes(course.market_ticker, day, features, rules=rules)
        yield from (signal for signal in found if signal.triggered_at is not None)


def _trade(
    course: Course, signal: Signal, at: datetime, stake: Stake
) -> tuple[Played | None, datetime | None]:
    """Return the trade of a signal, and when it was over; None: not before the week was."""
    price, multiplier = signal.reference_price or 0, course.fee_multiplier
    if not 0 < price < MICROS_PER_DOLLAR:
        return None, at
    count = contracts_within(stake.budget_micros, price, fee_multiplier=multiplier)
    if not count:
        return None, at
    spent = count * price // CENTICONTRACTS + taker_fee(count, price, multiplier=multiplier)
    held = Holding(signal.side, price)
    later = (feature for feature in course.features if feature.as_of > at)
    sold = next((f for f in later if _sells(course, held, stake.exits, f)), None)
    if sold is not None:
        bid = bid_of(held.side, _quote(course, sold)) or 0
        brought = count * bid // CENTICONTRACTS - taker_fee(count, bid, multiplier=multiplier)
        return Played(course.market_ticker, at, brought - spent, is_open=False), sold.as_of
    worth, is_open = _held_to_the_end(course, held.side)
    result = None if worth is None else count * worth // CENTICONTRACTS - spent
    return Played(course.market_ticker, at, result, is_open=is_open), None


def _sells(course: Course, held: Holding, exits: ExitRules, feature: Feature) -> bool:
    quote = _quote(course, feature)
    if exits == ExitRules() or bid_of(held.side, quote) is None:
        return False
    told = exit_of(
        held,
        exits,
        quote=quote,
        mean=feature.mean,
        close_at=course.close_at,
        now=feature.as_of,
    )
    return told is not None


def _held_to_the_end(course: Course, side: Side) -> tuple[int | None, bool]:
    """Return what one contract was worth at the end, and whether that is only a mark."""
    if course.yes_value is not None:
        return course.yes_value if side == "yes" else MICROS_PER_DOLLAR - course.yes_value, False
    if course.closing is None:
        return None, True
    bid, ask = course.closing
    return bid if side == "yes" else MICROS_PER_DOLLAR - ask, True


def _quote(course: Course, feature: Feature) -> Quote:
    """Return a stored quote; how much stood at its prices is not stored with it."""
    return Quote(
        market_ticker=course.market_ticker,
        status="active",
        yes_bid=feature.yes_bid,
        yes_bid_size=CENTICONTRACTS * (feature.yes_bid > 0),
        yes_ask=feature.yes_ask,
        yes_ask_size=CENTICONTRACTS * (feature.yes_ask < MICROS_PER_DOLLAR),
        last_price=0,
        volume=0,
        volume_24h=0,
        open_interest=0,
        quoted_at=feature.as_of,
    )
