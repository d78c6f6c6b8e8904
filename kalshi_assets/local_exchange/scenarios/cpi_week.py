"""`cpi-week`: five economic markets on the morning of Tuesday 2026-10-13, each with a story.

The venue clock starts at 10:30 New York (14:30 UTC), after 33 days of history. Seed 20261013.

| market | story | points |
|---|---|---|
| `KXCPI-26OCT-T0.3` | overreacts: jumped 75 minutes ago, fades over the next four hours | +14 |
| `KXCPIYOY-26OCT-T3.0` | drifts up steadily for seven days, then rests | +8½ |
| `KXGDP-26Q3-T2.5` | illiquid: a jump three hours ago that hardly anyone traded | +15 |
| `KXPAYROLLS-26SEP-T75000` | closes soon: fell four hours ago, closes in three | -16 |
| `KXFED-26OCT-T3.75` | frozen feed: jumped, then quotes stand still while volume moves | +15 |

"Points" are cents over the seven-day time-weighted mean of the mid, at the start. All names and
numbers of the world outside are made up; only the shapes are those of real markets.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.scenarios.story import Knot, Pulse, Story
from kalshi_assets.local_exchange.scenarios.synthetic import SyntheticTape
from kalshi_assets.local_exchange.tape import Listing, PriceRange, Result, Series
from kalshi_assets.local_exchange.units import ONE_DOLLAR, to_ms

NAME = "cpi-week"
SEED = 20261013
STARTED_AT = datetime(2026, 10, 13, 14, 30, tzinfo=UTC)
OPENED_AT = datetime(2026, 9, 10, 14, tzinfo=UTC)
SETTLEMENT_TIMER = timedelta(minutes=30)

_CENT = 100
_LINEAR_CENT = ("linear_cent", (PriceRange(0, ONE_DOLLAR, _CENT),))
_DECI_CENT = ("deci_cent", (PriceRange(0, ONE_DOLLAR, 10),))


def build(seed: int = SEED) -> SyntheticTape:
    """Build the scenario's tape; another seed keeps the stories and redraws everything else."""
    stories = [_overreacts(), _drifts(), _illiquid(), _closes_soon(), _frozen()]
    return SyntheticTape(
        NAME, to_ms(STARTED_AT), series={s.ticker: s for s in _series()}, stories=stories, seed=seed
    )


def _at(*, days: float = 0, hours: float = 0, minutes: float = 0) -> int:
    return to_ms(STARTED_AT + timedelta(days=days, hours=hours, minutes=minutes))


def _overreacts() -> Story:
    return Story(
        listing=_listing(
            "KXCPI-26OCT-T0.3",
            title="Does the CPI rise more than 0.3% in October 2026?",
            sub_title="Above 0.3%",
            rule="the seasonally adjusted CPI-U of October 2026 is more than 0.3% over September's",
            closes_at=datetime(2026, 11, 12, 13, 25, tzinfo=UTC),
            result="no",
            value="0.2",
        ),
        mid=(
            Knot(_at(minutes=-75), 5_400),
            Knot(_at(minutes=-73), 6_850),
            Knot(_at(minutes=10), 6_850),
            Knot(_at(hours=4), 5_500),
        ),
        noise=(
            Knot(_at(days=-40), 130),
            Knot(_at(minutes=-75), 70),
            Knot(_at(minutes=-4), 0),
            Knot(_at(minutes=6), 60),
            Knot(_at(minutes=10), 110),
        ),
        tick=_CENT,
        spread_ticks=(1, 1),
        top_size=(550, 1_400),
        deep_size=(200, 1_100),
        contracts_an_hour=185,
        pulses=(
            Pulse(_at(minutes=-75), _at(minutes=15), 2_800),
            Pulse(_at(minutes=15), _at(hours=4), 700),
        ),
        open_interest=21_000,
    )


def _drifts() -> Story:
    return Story(
        listing=_listing(
            "KXCPIYOY-26OCT-T3.0",
            title="Is CPI inflation above 3.0% for the year to October 2026?",
            sub_title="Above 3.0%",
            rule="the CPI-U of October 2026 is more than 3.0% over that of October 2025",
            closes_at=datetime(2026, 11, 12, 13, 25, tzinfo=UTC),
            result="yes",
            value="3.1",
            grid=_DECI_CENT,
        ),
        mid=(Knot(_at(days=-7), 3_050), Knot(_at(), 4_750)),
        noise=(Knot(_at(days=-40), 45),),
        tick=10,
        spread_ticks=(5, 10),
        top_size=(120, 600),
        deep_size=(150, 900),
        contracts_an_hour=125,
        open_interest=9_400,
    )


def _illiquid() -> Story:
    return Story(
        listing=_listing(
            "KXGDP-26Q3-T2.5",
            title="Does US GDP grow more than 2.5% in the third quarter of 2026?",
            sub_title="Above 2.5%",
            rule="the advance estimate of annualised real GDP growth for Q3 2026 is above 2.5%",
            closes_at=datetime(2026, 10, 29, 12, 25, tzinfo=UTC),
            result="no",
            value="2.3",
        ),
        mid=(Knot(_at(minutes=-190), 4_150), Knot(_at(minutes=-185), 5_700)),
        noise=(Knot(_at(days=-40), 120),),
        tick=_CENT,
        spread_ticks=(2, 3),
        top_size=(4, 40),
        deep_size=(2, 60),
        contracts_an_hour=5,
        clumping=7,
        pulses=(Pulse(_at(minutes=-188), _at(minutes=-128), 42),),
        open_interest=900,
    )


def _closes_soon() -> Story:
    return Story(
        listing=_listing(
            "KXPAYROLLS-26SEP-T75000",
            title="Did US payrolls grow by more than 75,000 in September 2026?",
            sub_title="Above 75,000",
            rule="the delayed report shows payrolls up by more than 75,000 for September 2026",
            closes_at=STARTED_AT + timedelta(hours=3),
            result="no",
            value="52000",
        ),
        mid=(
            Knot(_at(minutes=-245), 4_600),
            Knot(_at(minutes=-230), 2_960),
            Knot(_at(hours=1), 2_900),
            Knot(_at(hours=3), 1_400),
        ),
        noise=(Knot(_at(days=-40), 120), Knot(_at(minutes=-230), 60)),
        tick=_CENT,
        spread_ticks=(1, 2),
        top_size=(80, 420),
        deep_size=(100, 500),
        contracts_an_hour=82,
        pulses=(Pulse(_at(minutes=-245), _at(hours=3), 130),),
        open_interest=7_800,
    )


def _frozen() -> Story:
    frozen_at = _at(hours=-5)
    return Story(
        listing=_listing(
            "KXFED-26OCT-T3.75",
            title="Is the federal funds rate above 3.75% after the October 2026 meeting?",
            sub_title="Above 3.75%",
            rule="the target range's upper bound is above 3.75% after the October 2026 meeting",
            closes_at=datetime(2026, 10, 28, 17, 55, tzinfo=UTC),
            result="no",
            value="3.75",
        ),
        mid=(Knot(_at(minutes=-325), 4_350), Knot(_at(minutes=-318), 5_900)),
        noise=(Knot(_at(days=-40), 120), Knot(_at(minutes=-318), 0)),
        tick=_CENT,
        spread_ticks=(1, 1),
        top_size=(250, 900),
        deep_size=(200, 1_200),
        contracts_an_hour=164,
        clumping=1,
        open_interest=15_500,
        frozen_from_ms=frozen_at,
    )


def _listing(
    ticker: str,
    *,
    title: str,
    sub_title: str,
    rule: str,
    closes_at: datetime,
    result: Result,
    value: str,
    grid: tuple[str, tuple[PriceRange, ...]] = _LINEAR_CENT,
) -> Listing:
    """Describe a market; its event and its series stand in its ticker."""
    event_ticker, strike = ticker.rsplit("-T", 1)
    determined_at = closes_at + timedelta(minutes=10)
    return Listing(
        ticker=ticker,
        event_ticker=event_ticker,
        series_ticker=event_ticker.split("-", 1)[0],
        title=title,
        yes_sub_title=sub_title,
        rules_primary=f"The market resolves to Yes if {rule}.",
        rules_secondary="A later revision does not count. This is a made-up market of a scenario.",
        floor_strike=float(strike),
        price_level_structure=grid[0],
        price_ranges=grid[1],
        created_ms=to_ms(OPENED_AT - timedelta(days=1)),
        open_ms=to_ms(OPENED_AT),
        close_ms=to_ms(closes_at),
        determined_ms=to_ms(determined_at),
        settled_ms=to_ms(determined_at + SETTLEMENT_TIMER),
        result=result,
        expiration_value=value,
    )


def _series() -> list[Series]:
    labor = ("Bureau of Labor Statistics", "https://www.bls.gov/")
    analysis = ("Bureau of Economic Analysis", "https://www.bea.gov/")
    board = ("Federal Reserve Board", "https://www.federalreserve.gov/")
    rows = [
        ("KXCPI", "Consumer prices, month on month", "monthly", "Inflation", labor),
        ("KXCPIYOY", "Consumer prices, year on year", "monthly", "Inflation", labor),
        ("KXFED", "Federal funds target rate", "custom", "Fed", board),
        ("KXPAYROLLS", "Nonfarm payrolls", "monthly", "Jobs", labor),
        ("KXGDP", "US economic growth", "quarterly", "Growth", analysis),
    ]
    return [
        Series(
            ticker=ticker,
            title=title,
            frequency=frequency,
            category="Economics",
            tags=(tag,),
            source_name=source[0],
            source_url=source[1],
            fees=FeeTerms("quadratic", Fraction(1)),
        )
        for ticker, title, frequency, tag, source in rows
    ]
