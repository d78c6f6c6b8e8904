"""Averages over windows, against the database: two looks into an index, and sums of whole days."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from kalshi_assets.analytics.rolling import (
    RollingAverage,
    Totals,
    rolling_average,
    totals_until,
    window_start,
)
from kalshi_assets.defs.market_data.cleaning import JUST_BEFORE
from kalshi_assets.domain.calendar import CollectionCalendar, day_bounds, days_between, venue_day
from kalshi_assets.storage import ticks as tick_rows
from kalshi_assets.storage import totals as rows
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.totals import Moments, Span

ONE_DAY = timedelta(days=1)


def averages_at(
    connection: Connection,
    wanted: Collection[tuple[str, datetime]],
    window_days: int,
    calendar: CollectionCalendar,
    *,
    at_ticks: Moments | None = None,
) -> list[RollingAverage]:
    """Return the averages of these markets at these moments.

    Args:
        connection: a transaction.
        wanted: markets and moments.
        window_days: how far back from each moment prices count.
        calendar: the hours of collection.
        at_ticks: the usable ticks of those moments that have one, where they are known already.
    """
    if not wanted:
        return []
    starts = _starts(connection, wanted, window_days)
    spans = [
        (ticker, venue_day(start), venue_day(moment) - ONE_DAY)
        for (ticker, moment), (_, start) in zip(wanted, starts, strict=True)
    ]
    totals = _Totals(connection, [*wanted, *starts], spans, calendar, at_ticks or {})
    return [
        rolling_average(
            ticker,
            moment,
            window_days=window_days,
            start=start,
            first_day_until_start=totals.until(ticker, start),
            whole_days=totals.of(span),
            last_day_until_end=totals.until(ticker, moment),
            calendar=calendar,
        )
        for (ticker, moment), (_, start), span in zip(wanted, starts, spans, strict=True)
    ]


def _starts(
    connection: Connection, wanted: Collection[tuple[str, datetime]], window_days: int
) -> list[tuple[str, datetime]]:
    """Return from when on prices count: prices of the contract before a roll never do."""
    windows = [(ticker, window_start(moment, window_days)) for ticker, moment in wanted]
    first, last = min(start for _, start in windows), max(moment for _, moment in wanted)
    rolls = tick_rows.contract_starts(connection, first, last)
    if not rolls:
        return windows
    return [
        (ticker, max([start, *(at for at in rolls.get(ticker, ()) if at <= moment)]))
        for (ticker, start), (_, moment) in zip(windows, wanted, strict=True)
    ]


class _Totals:
    """Totals of stretches of time: of whole days, and of a day up to a moment.

    A whole day's come from its final summary, else from its last usable tick.
    """

    def __init__(
        self,
        connection: Connection,
        moments: list[tuple[str, datetime]],
        spans: list[Span],
        calendar: CollectionCalendar,
        at_ticks: Moments,
    ) -> None:
        self._calendar = calendar
        self._final = rows.totals_of_spans(connection, set(spans))
        self._open_days = _open_days(connection, set(spans), self._final)
        ends = [
            (ticker, day_bounds(day)[1] - JUST_BEFORE)
            for (ticker, _, _), days in self._open_days.items()
            for day in days
        ]
        unknown = [moment for moment in (*moments, *ends) if moment not in at_ticks]
        self._anchors = {**at_ticks, **tick_rows.anchors_at(connection, unknown)}

    def until(self, ticker: str, moment: datetime) -> Totals:
        """Return a market's totals of the moment's day, up to the moment."""
        anchor = self._anchors.get((ticker, moment))
        start = day_bounds(venue_day(moment))[0]
        return totals_until(anchor, moment, day_start=start, calendar=self._calendar)

    def of(self, span: Span) -> Iterable[Totals]:
        """Yield totals that add up to those of a span of whole days."""
        if span in self._final:
            yield self._final[span].totals
        for day in self._open_days.get(span, ()):
            start, end = day_bounds(day)
            anchor = self._anchors.get((span[0], end - JUST_BEFORE))
            yield totals_until(anchor, end, day_start=start, calendar=self._calendar)


def _open_days(
    connection: Connection, spans: set[Span], final: dict[Span, rows.DayTotals]
) -> dict[Span, list[date]]:
    """Return the days without a final summary of the spans that have such."""
    partly = [
        span
        for span in spans
        if (span[2] - span[1]).days + 1 > (final[span].days if span in final else 0)
    ]
    if not partly:
        return {}
    first, last = min(span[1] for span in partly), max(span[2] for span in partly)
    done = rows.final_days(connection, {span[0] for span in partly}, first, last)
    return {
        span: [day for day in days_between(span[1], span[2]) if (span[0], day) not in done]
        for span in partly
    }
