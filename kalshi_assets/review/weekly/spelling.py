"""How a review spells figures for people: rounded once, here."""

from datetime import datetime
from fractions import Fraction

from kalshi_assets.domain.calendar import VENUE_ZONE
from kalshi_assets.review.statistics.figure import usd

LONG_WAIT_SECONDS = 120


def result(micros: float | Fraction) -> str:
    """Return what was made as `+$38.20` or `-$21.60`."""
    return usd(Fraction(micros))


def amount(micros: float | Fraction) -> str:
    """Return a sum of money as `$25.60`, below zero as `-$25.60`."""
    return result(micros).removeprefix("+")


def percent(share: float | Fraction) -> str:
    """Return a share as `63.6 %`."""
    return f"{_tenths(share):.1f} %"


def signed_percent(share: float | Fraction) -> str:
    """Return a share as `+3.8 %`, or `0.0 %`."""
    tenths = _tenths(share)
    return f"{tenths:+.1f} %" if tenths else "0.0 %"


def ratio(value: float | Fraction) -> str:
    """Return a ratio as `1.77`."""
    return f"{float(value):.2f}"


def duration(seconds: float | Fraction) -> str:
    """Return seconds as people say them: `45 s`, `12 min`, `3 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(Fraction(whole, 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def latency(seconds: float) -> str:
    """Return a latency as `0.85 s`; what waited for minutes is said in those."""
    return f"{seconds:.2f} s" if seconds < LONG_WAIT_SECONDS else duration(seconds)


def number_of(count: int, noun: str) -> str:
    """Return a count with its noun: `1 trade`, `1,204 trades`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def venue_time(moment: datetime) -> str:
    """Return a moment in New York time, with the zone, for its offset differs over a year."""
    return f"{moment.astimezone(VENUE_ZONE):%a %Y-%m-%d %H:%M %Z}"


def _tenths(share: float | Fraction) -> float:
    return round(Fraction(share) * 1000) / 10
