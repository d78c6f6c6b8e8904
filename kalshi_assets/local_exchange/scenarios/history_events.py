"""The events of the `history` scenario: what is asked, how often, and for how long it trades."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from kalshi_assets.local_exchange.hours import NEW_YORK

_LABOR = ("Bureau of Labor Statistics", "https://www.bls.gov/")
_ANALYSIS = ("Bureau of Economic Analysis", "https://www.bea.gov/")
_EMPLOYMENT = ("Employment and Training Administration", "https://www.dol.gov/")
_BOARD = ("Federal Reserve Board", "https://www.federalreserve.gov/")
_TREASURY = ("Department of the Treasury", "https://home.treasury.gov/")
_EXCHANGE = ("The exchange that computes it", "https://www.spglobal.com/")
_BEFORE_RELEASE, _END_OF_TRADING = time(8, 25), time(16)
_OPENS = time(10)
_WEEKLY_DAYS, _MONTHLY_DAYS = 20, 42


@dataclass(frozen=True)
class Family:
    """A series and the pattern of its events.

    Attributes:
        strikes: what YES has to be above, one market each.
        step: how far from the strike a result may lie.
        closes: New York time of day at which its markets close.
        weekday: on which weekly events close (Monday is 0); None where `days` says it.
        days: on which the others close.
        is_gliding: the price nears its end before the close, as that of a market index does; a
            published figure comes after the close, at once.
    """

    series: str
    title: str
    rule: str
    category: str
    tag: str
    source: tuple[str, str]
    strikes: tuple[str, ...]
    step: str
    closes: time
    weekday: int | None = None
    days: Sequence[date] = ()
    is_gliding: bool = False

    @property
    def frequency(self) -> str:
        """Return how often it comes."""
        return "monthly" if self.weekday is None else "weekly"

    def value(self, strike: str, *, is_above: bool) -> str:
        """Return a figure on this side of a strike."""
        return str(Decimal(strike) + (1 if is_above else -1) * Decimal(self.step))


@dataclass(frozen=True)
class Event:
    """An event: its ticker and when its markets trade."""

    ticker: str
    title: str
    opened_at: datetime
    closes_at: datetime


def events_of(family: Family, started_at: datetime, *, weeks: int) -> list[Event]:
    """Return a family's events from those that trade at the start until after the last week."""
    first = started_at.astimezone(NEW_YORK).date()
    if family.weekday is None:
        return [_event(family, day, _MONTHLY_DAYS) for day in family.days]
    offset = (family.weekday - first.weekday()) % 7
    closing = [first + timedelta(days=offset + 7 * week) for week in range(weeks + 3)]
    return [_event(family, day, _WEEKLY_DAYS) for day in closing]


def _event(family: Family, day: date, listed_days: int) -> Event:
    return Event(
        ticker=f"{family.series}-{day:%y%b%d}".upper(),
        title=f"of {day:%-d %B %Y}",
        opened_at=_new_york(day - timedelta(days=listed_days), _OPENS),
        closes_at=_new_york(day, family.closes),
    )


def _new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, NEW_YORK).astimezone(UTC)


_PRICES = (date(2026, 8, 12), date(2026, 9, 11), date(2026, 10, 14), date(2026, 11, 13))
_JOBS = (date(2026, 9, 4), date(2026, 10, 2), date(2026, 11, 6), date(2026, 12, 4))
_MEETINGS = (date(2026, 8, 19), date(2026, 9, 16), date(2026, 10, 28), date(2026, 12, 9))
_GROWTH = (date(2026, 8, 26), date(2026, 9, 24), date(2026, 10, 29), date(2026, 11, 25))
FAMILIES = (
    Family(
        series="KXJOBLESSCLAIMS",
        title="Initial jobless claims",
        rule="the number first published",
        category="Economics",
        tag="Jobs",
        source=_EMPLOYMENT,
        strikes=("220000", "235000"),
        step="4000",
        closes=_BEFORE_RELEASE,
        weekday=3,
    ),
    Family(
        series="KXTNOTEW",
        title="10-year Treasury yield",
        rule="the yield at the end of trading, in percent,",
        category="Financials",
        tag="Rates",
        source=_TREASURY,
        strikes=("4.10", "4.30"),
        step="0.05",
        closes=_END_OF_TRADING,
        weekday=4,
        is_gliding=True,
    ),
    Family(
        series="KXINXW",
        title="Close of the index",
        rule="the index at the end of trading",
        category="Financials",
        tag="Indices",
        source=_EXCHANGE,
        strikes=("6600",),
        step="35",
        closes=_END_OF_TRADING,
        weekday=4,
        is_gliding=True,
    ),
    Family(
        series="KXCPI",
        title="Consumer prices, month on month",
        rule="the rise in percent",
        category="Economics",
        tag="Inflation",
        source=_LABOR,
        strikes=("0.3",),
        step="0.1",
        closes=_BEFORE_RELEASE,
        days=_PRICES,
    ),
    Family(
        series="KXCPIYOY",
        title="Consumer prices, year on year",
        rule="the rise in percent",
        category="Economics",
        tag="Inflation",
        source=_LABOR,
        strikes=("3.0",),
        step="0.1",
        closes=_BEFORE_RELEASE,
        days=_PRICES,
    ),
    Family(
        series="KXPAYROLLS",
        title="Nonfarm payrolls",
        rule="the change first published",
        category="Economics",
        tag="Jobs",
        source=_LABOR,
        strikes=("75000",),
        step="20000",
        closes=_BEFORE_RELEASE,
        days=_JOBS,
    ),
    Family(
        series="KXU3",
        title="Unemployment rate",
        rule="the rate in percent",
        category="Economics",
        tag="Jobs",
        source=_LABOR,
        strikes=("4.3",),
        step="0.1",
        closes=_BEFORE_RELEASE,
        days=_JOBS,
    ),
    Family(
        series="KXFED",
        title="Federal funds target rate",
        rule="the upper bound after the meeting, in percent,",
        category="Economics",
        tag="Fed",
        source=_BOARD,
        strikes=("3.75",),
        step="0.25",
        closes=time(13, 55),
        days=_MEETINGS,
    ),
    Family(
        series="KXGDP",
        title="US economic growth",
        rule="annualised real growth in percent",
        category="Economics",
        tag="Growth",
        source=_ANALYSIS,
        strikes=("2.5",),
        step="0.3",
        closes=_BEFORE_RELEASE,
        days=_GROWTH,
    ),
)
