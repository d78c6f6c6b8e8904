"""Reads a week's stored prices and plays it again under other thresholds. Writes nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kalshi_assets.domain.calendar import days_between
from kalshi_assets.domain.market import TrackedMarket
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.domain.week_inputs import PlayedWeek, WeekInputs
from kalshi_assets.review.playing import Course, Stake, play
from kalshi_assets.storage.averages import averages_of
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.markets import known_markets
from kalshi_assets.storage.week_orders import last_quotes
from kalshi_assets.strategy.exits import ExitRules
from kalshi_assets.strategy.mean_reversion import Feature, Rules

THRESHOLDS = (8, 10, 12, 14, 16)


@dataclass(frozen=True)
class Rulebook:
    """What is set now.

    Attributes:
        window_days: of the averages.
        points: off the average, above which is traded.
        max_trade_pct: of the account's value, that one trade may cost.
    """

    window_days: int
    points: Decimal
    exits: ExitRules
    max_trade_pct: Decimal


def play_again(
    connection: Connection, inputs: WeekInputs, rules: Rulebook
) -> tuple[PlayedWeek, ...]:
    """Return the week under each threshold; nothing where the account's value is not known."""
    value = next((p.value_micros for p in inputs.equity if p.value_micros is not None), None)
    if value is None:
        return ()
    stake = Stake(rules.exits, int(value * rules.max_trade_pct / 100))
    points = sorted({*map(Decimal, THRESHOLDS), rules.points})
    courses = _courses(connection, inputs, rules, lowest=points[0])
    return tuple(
        PlayedWeek(
            each,
            each == rules.points,
            tuple(trade for course in courses for trade in play(course, points=each, stake=stake)),
        )
        for each in points
    )


def _courses(
    connection: Connection, inputs: WeekInputs, rules: Rulebook, *, lowest: Decimal
) -> list[Course]:
    """Return every market of which the average, the fee terms and the end of trading are known."""
    is_held = rules.exits == ExitRules()
    watch = Rules.of_points(float(lowest)).watch
    features = _features(connection, inputs, rules.window_days, watch=watch)
    if not is_held:  # a rule may sell at any moment, but only what was bought
        window, bought = rules.window_days, features.keys()
        features = _features(connection, inputs, window, watch=0, only=bought)
    known = known_markets(connection)
    span = inputs.week.begin, inputs.known_until
    closing = last_quotes(connection, features, span)
    made = (
        _course(known.get(ticker), found, closing.get(ticker), until=None if is_held else span[1])
        for ticker, found in sorted(features.items())
    )
    return [course for course in made if course is not None]


def _features(
    connection: Connection,
    inputs: WeekInputs,
    window_days: int,
    *,
    watch: int,
    only: Collection[str] | None = None,
) -> dict[str, list[Feature]]:
    """Return what the strategy saw of each market: see `averages_of` for `watch`."""
    found: dict[str, list[Feature]] = {}
    for day in days_between(inputs.week.first_day, inputs.week.last_day):
        for row in averages_of(connection, day, watch=watch):
            ticker, is_known = row["market_ticker"], row["as_of"] < inputs.known_until
            is_wanted = row["window_days"] == window_days and (only is None or ticker in only)
            if is_known and is_wanted:
                found.setdefault(ticker, []).append(Feature.of(row))
    return found


def _course(
    tracked: TrackedMarket | None,
    features: Sequence[Feature],
    closing: tuple[int, int] | None,
    *,
    until: datetime | None,
) -> Course | None:
    """Return a market's course.

    Args:
        tracked: the market as last seen.
        features: of the week.
        closing: its last quote in the week.
        until: where exit rules are set, they may sell later what is held then: a result counts only
            of a market that had closed; None: no rule sells, and it counts whenever it came.
    """
    if tracked is None or tracked.fee_multiplier is None:
        return None
    market, values = tracked.market, {"yes": MICROS_PER_DOLLAR, "no": 0}
    is_over = until is None or market.close_at <= until
    return Course(
        market_ticker=market.ticker,
        features=features,
        fee_multiplier=tracked.fee_multiplier,
        close_at=market.close_at,
        yes_value=values.get(market.result) if is_over else None,
        closing=closing,
    )
