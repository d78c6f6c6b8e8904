"""`jumps`: sixty quiet markets that jump one after another, for rehearsals of speed. Seed 20261013.

Each stands at 40 cents for weeks, with trades, and jumps to 57 at a moment of its own. The first
one jumps two and a half minutes after the start, the others follow at random distances of five
seconds on average, so that many come in pairs. Every market is an event of its own.
"""

from datetime import timedelta
from random import Random

from kalshi_assets.local_exchange.scenarios import cpi_week
from kalshi_assets.local_exchange.scenarios.story import Knot, Pulse, Story
from kalshi_assets.local_exchange.scenarios.synthetic import SyntheticTape
from kalshi_assets.local_exchange.tape import Listing, PriceRange
from kalshi_assets.local_exchange.units import ONE_DOLLAR, to_ms

NAME = "jumps"
MARKETS = 60
FIRST_AFTER_MS, MEAN_DISTANCE_MS = 150_000, 5_000
BEFORE, AFTER = 4_000, 5_700
_CENT = 100
_SECOND = 1_000


def build() -> SyntheticTape:
    """Build the scenario's tape."""
    start = to_ms(cpi_week.STARTED_AT)
    random = Random(cpi_week.SEED)  # noqa: S311  reproducible stories, no secrets
    at, stories = start + FIRST_AFTER_MS, []
    for number in range(MARKETS):
        stories.append(_story(number, at))
        at += round(random.expovariate(1 / MEAN_DISTANCE_MS))
    series = {"KXCPI": cpi_week.build().series["KXCPI"]}
    return SyntheticTape(NAME, start, series=series, stories=stories, seed=cpi_week.SEED)


def _story(number: int, at: int) -> Story:
    day = cpi_week.STARTED_AT + timedelta(days=30)
    event = f"KXCPI-J{number:02}"
    return Story(
        listing=Listing(
            ticker=f"{event}-T0.3",
            event_ticker=event,
            series_ticker="KXCPI",
            title=f"Does the CPI rise more than 0.3% in reading {number}?",
            yes_sub_title="Above 0.3%",
            rules_primary=f"The market resolves to Yes if reading {number} is more than 0.3%.",
            rules_secondary="This is a made-up market of a scenario.",
            floor_strike=0.3,
            price_level_structure="linear_cent",
            price_ranges=(PriceRange(0, ONE_DOLLAR, _CENT),),
            created_ms=to_ms(cpi_week.OPENED_AT - timedelta(days=1)),
            open_ms=to_ms(cpi_week.OPENED_AT),
            close_ms=to_ms(day),
            determined_ms=to_ms(day + timedelta(minutes=10)),
            settled_ms=to_ms(day + timedelta(minutes=40)),
            result="no",
            expiration_value="0.2",
        ),
        mid=(Knot(at, BEFORE), Knot(at + _SECOND, AFTER)),
        noise=(Knot(at - 1, 0),),
        tick=_CENT,
        spread_ticks=(1, 1),
        top_size=(500, 900),
        deep_size=(200, 900),
        contracts_an_hour=60,
        pulses=(Pulse(at - 20 * _SECOND, at + 60 * _SECOND, 9_000),),
        open_interest=9_000,
    )
