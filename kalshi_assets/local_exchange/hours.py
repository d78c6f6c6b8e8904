"""When the venue trades: always, but for the weekly pause on Thursday 03:00-05:00 New York."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kalshi_assets.local_exchange.units import to_ms

NEW_YORK = ZoneInfo("America/New_York")
PAUSE_OPENS = time(3)
PAUSE_CLOSES = time(5)
_THURSDAY = 3


def pause_start(ms: int) -> int | None:
    """Return when the pause that holds at this moment began, or None while trading is on."""
    local = datetime.fromtimestamp(ms // 1000, UTC).astimezone(NEW_YORK)
    if local.weekday() != _THURSDAY or not PAUSE_OPENS <= local.time() < PAUSE_CLOSES:
        return None
    return to_ms(datetime.combine(local.date(), PAUSE_OPENS, NEW_YORK))


def pause_end(start_ms: int) -> int:
    """Return when the pause that began at a moment is over."""
    return to_ms(datetime.combine(_local_date(start_ms), PAUSE_CLOSES, NEW_YORK))


def pauses_between(after_ms: int, until_ms: int) -> list[int]:
    """Return the starts of pauses in (after, until]."""
    day = _local_date(after_ms)
    starts = []
    while day <= _local_date(until_ms):
        if day.weekday() == _THURSDAY:
            starts.append(to_ms(datetime.combine(day, PAUSE_OPENS, NEW_YORK)))
        day += timedelta(days=1)
    return [start for start in starts if after_ms < start <= until_ms]


def day_bounds(ms: int) -> tuple[int, int]:
    """Return the New York day [start, end) around a moment; it has 23, 24 or 25 hours."""
    day = _local_date(ms)
    return _midnight(day), _midnight(day + timedelta(days=1))


def _local_date(ms: int) -> date:
    return datetime.fromtimestamp(ms // 1000, UTC).astimezone(NEW_YORK).date()


def _midnight(day: date) -> int:
    return to_ms(datetime.combine(day, time(0), NEW_YORK))
