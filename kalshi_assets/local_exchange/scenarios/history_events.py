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


FAMILIES = (
    Family(
        *("KXJOBLESSCLAIMS", "Initial jobless claims", "the number first published"),
        *("Economics", "Jobs", _EMPLOYMENT, ("220000", "235000"), "4000", _BEFORE_RELEASE),
        weekday=3,
    ),
    Family(
        *("KXTNOTEW", "10-year Treasury yield", "the yield at the end of trading, in percent,"),
        *("Financials", "Rates", _TREASURY, ("4.10", "4.30"), "0.05", _END_OF_TRADING),
        weekday=4,
        is_gliding=True,
    ),
    Family(
        *("KXINXW", "Close of the index", "the index at the end of trading"),
        *("Financials", "Indices", _EXCHANGE, ("6600",), "35", _END_OF_TRADING),
        weekday=4,
        is_gliding=True,
    ),
    Family(
        *("KXCPI", "Consumer prices, month on month", "the rise in percent"),
        *("Economics", "Inflation", _LABOR, ("0.3",), "0.1", _BEFORE_RELEASE),
        days=[date(2026, 8, 12), date(2026, 9, 11), date(2026, 10, 14), date(2026, 11, 13)],
    ),
    Family(
        *("KXCPIYOY", "Consumer prices, year on year", "the rise in percent"),
        *("Economics", "Inflation", _LABOR, ("3.0",), "0.1", _BEFORE_RELEASE),
        days=[date(2026, 8, 12), date(2026, 9, 11), date(2026, 10, 14), date(2026, 11, 13)],
    ),
    Family(
        *("KXPAYROLLS", "Nonfarm payrolls", "the change first published"),
        *("Economics", "Jobs", _LABOR, ("75000",), "20000", _BEFORE_RELEASE),
        days=[date(2026, 9, 4), date(2026, 10, 2), date(2026, 11, 6), date(2026, 12, 4)],
    ),
    Family(
        *("KXU3", "Unemployment rate", "the rate in percent"),
        *("Economics", "Jobs", _LABOR, ("4.3",), "0.1", _BEFORE_RELEASE),
        days=[date(2026, 9, 4), date(2026, 10, 2), date(2026, 11, 6), date(2026, 12, 4)],
    ),
    Family(
        *("KXFED", "Federal funds target rate", "the upper bound after the meeting, in percent,"),
        *("Economics", "Fed", _BOARD, ("3.75",), "0.25", time(13, 55)),
        days=[date(2026, 8, 19), date(2026, 9, 16), date(2026, 10, 28), date(2026, 12, 9)],
    ),
    Family(
        *("KXGDP", "US economic growth", "annualised real growth in percent"),
        *("Economics", "Growth", _ANALYSIS, ("2.5",), "0.3", _BEFORE_RELEASE),
        days=[date(2026, 8, 26), date(2026, 9, 24), date(2026, 10, 29), date(2026, 11, 25)],
    ),
)
