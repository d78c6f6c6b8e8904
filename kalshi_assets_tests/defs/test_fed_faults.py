"""The whole recording of the FOMC's legs: what the fault report finds of what is known of it.

Half a year goes through the exchange's answers, the storage and the cleaning of a backfill. The
closes are compared with their 7-day mean both ways: as recorded, and as averages are made here.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from kalshi_assets.analytics.fault_report import FaultReport
from kalshi_assets.defs.market_data.averages import averages_at
from kalshi_assets.defs.market_data.cleaning import reclean_day
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import days_between
from kalshi_assets.domain.tick import tick_of_candle
from kalshi_assets.local_exchange import Input, Recording
from kalshi_assets.local_exchange.units import to_ms
from kalshi_assets.quality.advice_frames import leg_sum_rows
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import faults, markets, ticks, totals
from kalshi_assets_tests.stand import DatabaseMaker, Stand, standing

FOLDER = Path(__file__).parents[2].parent / "shared" / "market-data" / "kxfeddecision-hourly"
LEGS = ("C25", "C26", "H0", "H25", "H26")
EVENTS = [f"KXFEDDECISION-{name}" for name in ("25SEP", "25OCT", "25DEC", "26JAN")]
# The last hour ends with the year.
FIRST, LAST = date(2025, 7, 30), date(2025, 12, 31)
START = datetime.fromisoformat("2025-07-30T04:00:00+00:00")
END = datetime.fromisoformat("2026-01-01T04:00:00+00:00")
FAR = 120_000  # micros

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings in {FOLDER}"),
]


@pytest.fixture(scope="module")
def fed(make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A stand half a year later, with all hours of all four events loaded and cleaned."""
    folder = tmp_path_factory.mktemp("fed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        played = Input(Recording(FOLDER, to_ms(END)))
        with standing(make_database(), folder, patch, source=played) as stand:
            _load(stand)
            yield stand


def _load(stand: Stand) -> None:
    platform = Platform()
    tickers = [f"{event}-{leg}" for event in EVENTS for leg in LEGS]
    with platform.client() as client:
        snapshots = [client.market(ticker) for ticker in tickers]
        found = client.candle_history(tickers, start=START, end=END, interval_minutes=60)
    assert not found.rejected
    with stand.database.transaction() as connection:
        markets.save_markets(connection, snapshots, tracked=tickers, seen_at=END)
        rows = [tick_of_candle(candle, received_at=END) for candle in found.candles]
        ticks.add_raw_ticks(connection, rows)
    rules = platform.cleaning_rules()
    for day in [*days_between(FIRST, LAST), date(2026, 1, 1)]:
        with stand.database.transaction() as connection:
            reclean_day(connection, day, rules)


@pytest.fixture(scope="module")
def report(fed: Stand) -> FaultReport:
    with fed.database.transaction() as connection:
        return faults.read_faults(connection, START, END + timedelta(seconds=1))


def test_every_price_that_is_missing_and_was_written_as_zero_is_found(
    report: FaultReport,
) -> None:
    found = dict.fromkeys(LEGS, 0)
    for market in report.markets:
        found[market.market_ticker.rsplit("-", 1)[1]] += market.faults.get("zero_coded", 0)
    assert found == {"C25": 238, "C26": 562, "H0": 252, "H25": 2_268, "H26": 2_506}
    assert sum(market.ticks for market in report.markets) == 5 * 2_803


def test_the_three_rolls_of_the_front_meeting_are_found(report: FaultReport) -> None:
    rolls = [(f"{roll.at:%Y-%m-%d}", roll.closing, roll.following) for roll in report.rolls]
    days = ("2025-09-17", "2025-10-29", "2025-12-10")
    assert rolls == list(zip(days, EVENTS, EVENTS[1:], strict=False))


def test_the_122_gaps_are_found_and_most_are_the_hours_of_a_weekday(report: FaultReport) -> None:
    assert len(report.gaps) == 122
    assert min(gap.length for gap in report.gaps) >= pd.Timedelta("1h")
    office = [
        gap
        for gap in report.gaps
        if (_local(gap.start).hour, _local(gap.end).hour) == (8, 16)
        and _local(gap.start).weekday() < 5
    ]
    assert len(office) == 109, "08:00 was the last hour seen, the next one begins at 16:00"


def test_the_hours_far_off_the_mean_as_recorded_and_as_averaged_here(
    fed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    closes = pd.DataFrame(
        fed.rows(
            "SELECT r.observed_at, r.market_ticker, coalesce(r.last_price, 0) AS close, c.faults"
            " FROM kalshi.raw_ticks r JOIN kalshi.clean_ticks c USING (observed_at, market_ticker)"
        )
    )
    closes["leg"] = closes["market_ticker"].str.rsplit("-", n=1).str[1]
    has_price = ~closes["faults"].map(lambda names: "zero_coded" in names)
    averaged = _far_off_the_average(fed)
    raw = _far_hours(closes, "leg")
    without_zeros = _far_hours(closes[has_price], "leg")
    without_rolls = _far_hours(closes[has_price], "market_ticker")
    with capsys.disabled():
        print("\nhours further than 12 points off the 7-day mean: raw, without zeros, and rolls,")
        print("and with our average (usable prices only, weighted by the time each stood)")
        for leg in LEGS:
            print(f"{leg:>4} {[n[leg] for n in (raw, without_zeros, without_rolls, averaged)]}")
    assert (raw["C25"], raw["H0"]) == (1_101, 724)
    assert (without_zeros["C25"], without_zeros["H0"]) == (415, 440)
    for leg in ("C25", "H0"):
        assert averaged[leg] < without_zeros[leg] < raw[leg]


def test_the_legs_of_a_meeting_never_sum_to_much_more_than_one_dollar(
    fed: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = _usable_mids(fed)

    sums = _leg_sums(hours)

    with capsys.disabled():
        print(f"\n{len(hours)} hours with a usable price, {hours.notna().all(axis=1).sum()} of all")
        print(f"five legs; furthest above one dollar: {sums.max():.2f}")
    assert len(hours) > 2_600
    assert not hours.notna().all(axis=1).any(), "no hour has a bid on every leg"
    assert sums.max() == pytest.approx(0.07)
    assert sums.max() < load_settings(env={}, _env_file=None).max_leg_sum_difference


def test_a_leg_that_stands_still_through_a_jump_is_seen_in_the_sum(fed: Stand) -> None:
    """On that Friday H0 fell from 64 to 33 cents; here its feed stands still at noon."""
    noon = pd.Timestamp("2025-11-21T12:00:00Z")
    hours = _usable_mids(fed)
    hours = hours[hours.index.get_level_values("event") == "KXFEDDECISION-25DEC"].droplevel("event")
    day = hours[(hours.index > noon) & (hours.index <= noon + pd.Timedelta("24h"))]
    assert _leg_sums(day).max() < 0.05, "as it was"

    day = day.assign(H0=hours["H0"][noon])

    assert _leg_sums(day).min() > load_settings(env={}, _env_file=None).max_leg_sum_difference


def _usable_mids(fed: Stand) -> pd.DataFrame:
    """Return usable prices: a row an event and hour, a column a leg."""
    ticks = pd.DataFrame(
        fed.rows("SELECT observed_at, market_ticker, mid FROM kalshi.clean_ticks WHERE is_usable")
    )
    ticks[["event", "leg"]] = ticks["market_ticker"].str.rsplit("-", n=1, expand=True)
    hours = ticks.pivot_table(index=["event", "observed_at"], columns="leg", values="mid")
    return hours.reindex(columns=list(LEGS))


def _leg_sums(hours: pd.DataFrame) -> "pd.Series[float]":
    """Return how far the check finds each hour's legs off one dollar."""
    same = {"is_tracked": True, "is_mutually_exclusive": True}
    rows = [
        {"event_ticker": str(hour), "ticker": leg, "mid": None if pd.isna(mid) else mid, **same}
        for hour, mids in hours.iterrows()
        for leg, mid in mids.items()
    ]
    return leg_sum_rows(rows)["off_by_usd"]


def _far_hours(closes: pd.DataFrame, contract: str) -> dict[str, int]:
    """Count, a leg, the closes far off the plain mean of the 7 days up to them."""
    found = dict.fromkeys(LEGS, 0)
    for _, part in closes.groupby(contract):
        series = part.set_index(pd.to_datetime(part["observed_at"], utc=True))["close"]
        series = series.astype(float).sort_index()
        is_far = (series - series.rolling("7D").mean()).abs() > FAR
        found[part["leg"].iloc[0]] += int(is_far.sum())
    return found


def _far_off_the_average(fed: Stand) -> dict[str, int]:
    found = dict.fromkeys(LEGS, 0)
    calendar = Platform().collection
    for day in [*days_between(FIRST, LAST), date(2026, 1, 1)]:
        with fed.database.transaction() as connection:
            wanted = totals.moments_to_average(connection, day)
            means = averages_at(connection, wanted, 7, calendar)
            mids = ticks.clean_ticks_of(connection, day).set_index(["market_ticker", "observed_at"])
        for one in means:
            mid = mids["mid"][one.market_ticker, pd.Timestamp(one.as_of)]
            if one.mean is not None and abs(mid - one.mean) > FAR:
                found[one.market_ticker.rsplit("-", 1)[1]] += 1
    return found


def _local(moment: datetime) -> datetime:
    return pd.Timestamp(moment).tz_convert("America/New_York").to_pydatetime()
