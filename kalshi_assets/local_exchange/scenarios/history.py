"""`history`: thirteen weeks of economic and financial markets, to have something to review.

The venue clock starts on Sunday 2026-08-09, 00:00 New York, after some weeks of history; the tape
goes on until well after Sunday 2026-11-08. Some twenty markets are open at a time, of events that
follow each other: weekly and monthly figures, rate decisions, closing prices. They are listed,
trade, close and settle within these weeks. `history-7` is the same with seed 7.

What prices do is drawn, see `history_course`: calm, then a shock now and then, of which most are
overreactions and some are not. The shares are chosen for what seems plausible, not for what any
rule would earn. All names and numbers of the world outside are made up. One event ends in a scalar
result: its figure is not published.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.hours import NEW_YORK
from kalshi_assets.local_exchange.scenarios.history_course import draw_course, scalar_course
from kalshi_assets.local_exchange.scenarios.history_events import (
    FAMILIES,
    Event,
    Family,
    events_of,
)
from kalshi_assets.local_exchange.scenarios.story import Story
from kalshi_assets.local_exchange.scenarios.synthetic import SyntheticTape
from kalshi_assets.local_exchange.tape import Listing, PriceRange, Result, Series
from kalshi_assets.local_exchange.units import ONE_DOLLAR, to_ms

NAME = "history"
SEED = 20261108
WEEKS = 13
STARTED_AT = datetime(2026, 8, 9, tzinfo=NEW_YORK).astimezone(UTC)
SCALAR_EVENT, SCALAR_PRICE = "KXGDP-26SEP24", 6_200
_CENT = 100
_SETTLED_AFTER = timedelta(minutes=40)
_DETERMINED_AFTER = timedelta(minutes=10)
# Contracts an hour, sizes at the best price, and ticks between bid and ask: thin to thick.
_KINDS = (
    (7, (4, 40), (2, 4)),
    (45, (60, 260), (1, 3)),
    (90, (90, 500), (1, 2)),
    (190, (350, 1_200), (1, 1)),
)
_KIND_WEIGHTS = (12, 26, 34, 28)


def build(seed: int = SEED) -> SyntheticTape:
    """Build the scenario's tape; another seed is another history."""
    stories = [
        _story(family, event, strike, seed=seed)
        for family in FAMILIES
        for event in events_of(family, STARTED_AT, weeks=WEEKS)
        for strike in family.strikes
    ]
    series = {family.series: _series(family) for family in FAMILIES}
    name = NAME if seed == SEED else f"{NAME}-{seed}"
    return SyntheticTape(name, to_ms(STARTED_AT), series=series, stories=stories, seed=seed)


def _story(family: Family, event: Event, strike: str, *, seed: int) -> Story:
    ticker = f"{event.ticker}-T{strike}"
    rng = Random(f"{seed}/{ticker}/course")  # noqa: S311 - a story, no secret
    opened_ms, closed_ms = to_ms(event.opened_at), to_ms(event.closes_at)
    if event.ticker == SCALAR_EVENT:
        course, result = scalar_course(rng, opened_ms, closed_ms), None
    else:
        course = draw_course(rng, opened_ms, closed_ms, is_gliding=family.is_gliding)
        result = course.result
    [(hourly, top, spread)] = rng.choices(_KINDS, _KIND_WEIGHTS)
    if result is None:
        hourly, top, spread = _KINDS[-1]
    return Story(
        listing=_listing(family, event, strike, result),
        mid=course.mid,
        noise=course.noise,
        tick=_CENT,
        spread_ticks=spread,
        top_size=top,
        deep_size=(top[0], 2 * top[1]),
        contracts_an_hour=hourly,
        clumping=2 if hourly > 10 else 6,
        pulses=course.pulses(hourly),
        open_interest=60 * hourly,
    )


def _listing(family: Family, event: Event, strike: str, result: Result | None) -> Listing:
    """Describe a market; without a result its figure is not published, and it pays a share."""
    determined = event.closes_at + _DETERMINED_AFTER
    return Listing(
        ticker=f"{event.ticker}-T{strike}",
        event_ticker=event.ticker,
        series_ticker=family.series,
        title=f"{family.title} {event.title}: above {strike}?",
        yes_sub_title=f"Above {strike}",
        rules_primary=f"The market resolves to Yes if {family.rule} is above {strike}.",
        rules_secondary="A figure that is not published pays the last fair price. "
        "This is a made-up market of a scenario.",
        floor_strike=float(strike),
        price_level_structure="linear_cent",
        price_ranges=(PriceRange(0, ONE_DOLLAR, _CENT),),
        created_ms=to_ms(event.opened_at - timedelta(hours=1)),
        open_ms=to_ms(event.opened_at),
        close_ms=to_ms(event.closes_at),
        determined_ms=to_ms(determined),
        settled_ms=to_ms(determined + _SETTLED_AFTER),
        result=result or "scalar",
        expiration_value=family.value(strike, is_above=result == "yes") if result else "",
        settlement_price=None if result else SCALAR_PRICE,
    )


def _series(family: Family) -> Series:
    return Series(
        ticker=family.series,
        title=family.title,
        frequency=family.frequency,
        category=family.category,
        tags=(family.tag,),
        source_name=family.source[0],
        source_url=family.source[1],
        fees=FeeTerms("quadratic", Fraction(1)),
    )
