"""The fault report on made-up ticks: what it counts, where nothing was observed, what rolled."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.analytics.fault_report import FaultReport, Span, fault_report
from kalshi_assets_tests.risk.cases import MARKET

NOON = datetime.fromisoformat("2026-10-13T12:00:00+00:00")
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def tick(after: timedelta, ticker: str = "KXA-26OCT-1", **values: Any) -> dict[str, Any]:
    """Return a clean tick so long after noon: an hourly candle, usable."""
    return {
        "market_ticker": ticker,
        "observed_at": NOON + after,
        "source": "candle",
        "source_key": "3600",
        "hold_ms": 7_200_000,
        "is_usable": not values.get("faults"),
        "faults": [],
        **values,
    }


def poll(after: timedelta, ticker: str = "KXA-26OCT-1", **values: Any) -> dict[str, Any]:
    live = {"source": "poll", "source_key": "", "hold_ms": 300_000}
    return tick(after, ticker, **(live | values))


def report_on(*ticks: dict[str, Any], **options: Any) -> FaultReport:
    rows = pd.DataFrame(list(ticks))
    if len(rows):
        rows["observed_at"] = pd.to_datetime(rows["observed_at"], utc=True)
    return fault_report(rows, options.get("markets", ()))


def hours(*spans: Span) -> list[tuple[float, float]]:
    return [((s.start - NOON) / HOUR, (s.end - NOON) / HOUR) for s in spans]


def test_nothing_is_an_empty_report() -> None:
    assert report_on() == FaultReport((), (), ())


def test_faults_are_counted_by_market_and_a_tick_may_have_several() -> None:
    report = report_on(
        tick(0 * HOUR, faults=["zero_coded"]),
        tick(1 * HOUR, faults=["zero_coded", "contract_roll"]),
        tick(2 * HOUR),
        tick(2 * HOUR, "KXB-26OCT-1", faults=["crossed_book"]),
    )
    first, second = report.markets
    assert (first.ticks, first.usable) == (3, 1)
    assert first.faults == {"zero_coded": 2, "contract_roll": 1}
    assert (second.usable, second.faults) == (0, {"crossed_book": 1})
    assert report.faults == {"zero_coded": 2, "contract_roll": 1, "crossed_book": 1}


def test_a_missing_candle_is_a_gap_of_its_hour() -> None:
    report = report_on(tick(1 * HOUR), tick(2 * HOUR), tick(4 * HOUR))
    assert hours(*report.gaps) == [(2, 3)]
    assert report.markets[0].unpriced == (), "the price holds for two hours"


def test_a_gap_is_one_of_all_markets_and_a_missing_price_is_of_one() -> None:
    ticks = [tick(n * HOUR, "KXB-26OCT-1") for n in range(1, 6)]
    report = report_on(tick(1 * HOUR), tick(5 * HOUR), *ticks)
    assert report.gaps == ()
    assert hours(*report.markets[0].unpriced) == [(3, 5)]
    assert report.markets[0].longest_unpriced_hours == 2


def test_polls_tell_for_as_long_as_they_hold() -> None:
    assert report_on(poll(0 * SECOND), poll(300 * SECOND)).gaps == ()
    [gap] = report_on(poll(0 * SECOND), poll(390 * SECOND)).gaps
    assert gap.length == 90 * SECOND
    assert (gap.start, gap.end) == (NOON + 300 * SECOND, NOON + 390 * SECOND)


def test_a_market_without_any_usable_price_is_unpriced_from_its_first_tick_to_its_last() -> None:
    report = report_on(*(tick(n * HOUR, faults=["one_sided_book"]) for n in range(4)))
    assert hours(*report.markets[0].unpriced) == [(0, 3)]


def test_a_roll_is_where_the_front_event_of_a_series_changes() -> None:
    def market(event: str, leg: str, closes: timedelta) -> Any:
        return replace(MARKET, ticker=f"{event}-{leg}", event_ticker=event, close_at=NOON + closes)

    markets = [
        market("KXA-26OCT", "1", 1 * HOUR),
        market("KXA-26OCT", "2", 2 * HOUR),
        market("KXA-26NOV", "1", 24 * 30 * HOUR),
        market("KXB-26SEP", "1", -9 * HOUR),
        market("KXB-26NOV", "1", 24 * 30 * HOUR),
    ]
    report = report_on(tick(0 * HOUR), tick(3 * HOUR), markets=markets)
    [roll] = report.rolls
    assert (roll.closing, roll.following) == ("KXA-26OCT", "KXA-26NOV")
    assert roll.at == NOON + 2 * HOUR, "when its last market closes"


@given(st.sets(st.integers(0, 60), min_size=1))
def test_gaps_are_exactly_the_hours_without_a_candle(ends: set[int]) -> None:
    report = report_on(*(tick(end * HOUR) for end in sorted(ends)))
    missing = set(range(min(ends), max(ends) + 1)) - ends
    found = [n for first, last in hours(*report.gaps) for n in range(int(first) + 1, int(last) + 1)]
    assert found == sorted(missing)


def test_a_candle_that_holds_beyond_polls_after_it_leaves_no_span_without_a_price() -> None:
    report = report_on(tick(0 * HOUR), poll(1800 * SECOND), poll(5400 * SECOND))
    assert report.markets[0].unpriced == ()
