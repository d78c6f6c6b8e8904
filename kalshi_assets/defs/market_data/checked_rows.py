"""Which rows of the database each check looks at: of the run's days, or of this moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import pandas as pd

from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import days_between, venue_day
from kalshi_assets.domain.market import TrackedMarket
from kalshi_assets.quality import advice_frames, frames
from kalshi_assets.quality.rules import Check
from kalshi_assets.storage import averages, events, gaps, intake, markets, signals, summaries, ticks
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.standstills import may_stand_still

GAPS_OF = timedelta(hours=1)
# What the stream told so long after the newest poll is looked at instead of it.
LONGEST_SINCE_POLL = timedelta(hours=1)
# As far back as any window reaches: a day that is provisional there is read tick by tick.
LONGEST_WINDOW = timedelta(days=28)


@dataclass(frozen=True)
class Look:
    """What a check is asked about: whole days, or where there are none, this moment.

    What several checks look at is read once.
    """

    connection: Connection
    platform: Platform
    days: Sequence[date]
    now: datetime

    @property
    def days_or_today(self) -> Sequence[date]:
        """The days, or today."""
        return self.days or [venue_day(self.now)]

    @cached_property
    def known(self) -> Mapping[str, TrackedMarket]:
        """Every market ever seen, by ticker."""
        return markets.known_markets(self.connection)

    @cached_property
    def tracked(self) -> Mapping[str, TrackedMarket]:
        """The markets that are followed, by ticker."""
        return markets.tracked_markets(self.connection)

    @cached_property
    def poll(self) -> intake.Poll | None:
        """The newest poll."""
        return intake.latest_poll(self.connection)

    @cached_property
    def raw(self) -> pd.DataFrame:
        """The raw ticks of these days, or each market's newest since the newest poll."""
        if self.days:
            return pd.concat([ticks.raw_ticks_of(self.connection, day) for day in self.days])
        since = self.poll.slot if self.poll is not None else self.now
        until = min(self.now, since + LONGEST_SINCE_POLL)
        return ticks.newest_live_ticks(self.connection, since, until)

    @cached_property
    def clean(self) -> pd.DataFrame:
        """The clean ticks of these days, or each market's newest recent one."""
        if self.days:
            return pd.concat([ticks.clean_ticks_of(self.connection, day) for day in self.days])
        return ticks.newest_clean_ticks(self.connection, _recent(self), self.now)


Reading = Callable[[Look], pd.DataFrame]


def reading_of(check: Check) -> Reading:
    """Return how the rows are read that a check looks at; several may look at the same."""
    return _BY_CHECK.get(check.name) or _BY_ASSET[check.asset]


def _market_rows(look: Look) -> pd.DataFrame:
    return frames.market_rows(look.tracked)


def _tick_rows(look: Look) -> pd.DataFrame:
    known = {ticker: row.market for ticker, row in look.known.items()}
    return frames.tick_rows(look.raw, known, now=look.now)


def _presence_rows(look: Look) -> pd.DataFrame:
    expected = look.poll.expected if look.poll is not None else list(look.tracked)
    twice = look.poll.duplicates if look.poll is not None else ()
    return frames.presence_rows(expected, look.raw, twice)


def _gap_rows(look: Look) -> pd.DataFrame:
    found = gaps.gaps_between(look.connection, look.now - GAPS_OF, look.now)
    return advice_frames.gap_rows(found, look.tracked, now=look.now)


def _frozen_rows(look: Look) -> pd.DataFrame:
    """Look tick by tick only at the markets that may be frozen."""
    limit = look.platform.settings.frozen_after_seconds
    long, since = timedelta(seconds=limit), look.now - timedelta(seconds=3 * limit)
    told = may_stand_still(look.connection, since, look.now, for_long=long)
    doubtful = [ticker for ticker, may_be in told.items() if may_be and ticker in look.tracked]
    moving = [ticker for ticker, may_be in told.items() if not may_be and ticker in look.tracked]
    observed = ticks.raw_ticks_between(look.connection, since, look.now, doubtful)
    return frames.frozen_rows(observed, frozen_after_seconds=limit, moving=moving)


def _clean_rows(look: Look) -> pd.DataFrame:
    return frames.clean_rows(look.clean)


def _newest_rows(look: Look) -> pd.DataFrame:
    return frames.newest_rows(look.clean)


def _leg_rows(look: Look) -> pd.DataFrame:
    legs = events.open_legs(look.connection, since=_recent(look), now=look.now)
    return advice_frames.leg_sum_rows(legs)


def _average_rows(look: Look) -> pd.DataFrame:
    return averages.latest_averages(look.connection)


def _summary_rows(look: Look) -> pd.DataFrame:
    days = look.days or list(days_between(*_window(look)))
    found = summaries.summaries_between(look.connection, min(days), max(days))
    return advice_frames.summary_rows(found, now=look.now)


def _recent_summary_rows(look: Look) -> pd.DataFrame:
    """Return what is looked at whichever days a run wrote: a day elsewhere may have reopened."""
    found = summaries.summaries_between(look.connection, *_window(look))
    return advice_frames.summary_rows(found, now=look.now)


def _missing_day_rows(look: Look) -> pd.DataFrame:
    return advice_frames.missing_day_rows(summaries.summarised_spans(look.connection))


def _signal_rows(look: Look) -> pd.DataFrame:
    found = signals.episodes_with_grounds(look.connection, look.days_or_today)
    return advice_frames.signal_rows(found, look.tracked)


def _recent(look: Look) -> datetime:
    return look.now - timedelta(seconds=look.platform.settings.max_quote_age_seconds)


def _window(look: Look) -> tuple[date, date]:
    return venue_day(look.now - LONGEST_WINDOW), venue_day(look.now)


_BY_ASSET: dict[str, Reading] = {
    "markets": _market_rows,
    "raw_ticks": _tick_rows,
    "clean_ticks": _clean_rows,
    "rolling_averages": _average_rows,
    "daily_summaries": _summary_rows,
    "signals": _signal_rows,
}
_BY_CHECK: dict[str, Reading] = {
    "ticks_are_complete": _presence_rows,
    "ticks_are_unique": _presence_rows,
    "feed_is_not_frozen": _frozen_rows,
    "feed_has_no_long_gaps": _gap_rows,
    "newest_ticks_are_usable": _newest_rows,
    "legs_sum_to_one": _leg_rows,
    "past_days_are_final": _recent_summary_rows,
    "no_day_is_missing": _missing_day_rows,
}
