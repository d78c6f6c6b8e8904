"""The real recordings beside the project: what is known of them comes out of the replay."""

import itertools
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from kalshi_assets.local_exchange.recordings import load_recording
from kalshi_assets.local_exchange.tape import Bar
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS, iso, to_ms

FOLDER = Path(__file__).parents[2].parent / "shared" / "market-data"
LEGS = ("C25", "C26", "H0", "H25", "H26")
EVENTS = ("25SEP", "25OCT", "25DEC", "26JAN")
HOLD = "KXFEDDECISION-25DEC-H0"
CPI = "KXCPI-26AUG-T0.8"
ZEROS = Bar(0, 0, 0, 0)

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings in {FOLDER}"),
]


def at(text):
    return to_ms(datetime.fromisoformat(text))


@pytest.fixture(scope="module")
def fed():
    start = at("2025-11-22T15:30:00Z")
    return load_recording(FOLDER / "kxfeddecision-hourly", name="fed", started_ms=start)


@pytest.fixture(scope="module")
def cpi():
    start = at("2026-08-10T12:00:00Z")
    return load_recording(FOLDER / "kxcpi-daily", name="cpi", started_ms=start)


def touch(tape, ticker, when):
    quote = tape.quote_at(ticker, at(when))
    return tuple(side[0].price if side else None for side in (quote.bids, quote.asks))


def all_candles(tape, ticker, minutes):
    return tape.candles(ticker, minutes, 0, at("2027-01-01T00:00:00Z"))


def test_four_contracts_of_five_legs_are_listed(fed):
    assert set(fed.listings) == {f"KXFEDDECISION-{e}-{leg}" for e in EVENTS for leg in LEGS}
    assert {one.price_level_structure for one in fed.listings.values()} == {"linear_cent"}
    winners = {one.ticker[-9:].lstrip("-") for one in fed.listings.values() if one.result == "yes"}
    assert winners == {"25SEP-C25", "25OCT-C25", "25DEC-C25", "26JAN-H0"}


def test_the_zeros_of_the_readme_are_zero_candles(fed):
    counts: Counter[str] = Counter()
    for ticker in fed.listings:
        hours = all_candles(fed, ticker, 60)
        counts[ticker.rpartition("-")[2]] += sum(hour.price == ZEROS for hour in hours)
        assert all(hour.volume == 0 for hour in hours if hour.price == ZEROS)
    assert counts == {"C25": 238, "C26": 562, "H0": 252, "H25": 2268, "H26": 2506}


def test_every_hour_belongs_to_one_contract(fed):
    ends = [h.end_ms for e in EVENTS for h in all_candles(fed, f"KXFEDDECISION-{e}-H0", 60)]
    assert len(ends) == 2_803
    assert ends == sorted(set(ends))


@pytest.mark.parametrize(
    ("day", "old", "new"),
    [
        ("2025-09-17", "25SEP", "25OCT"),
        ("2025-10-29", "25OCT", "25DEC"),
        ("2025-12-10", "25DEC", "26JAN"),
    ],
)
def test_the_front_meeting_rolls(fed, day, old, new):
    last = all_candles(fed, f"KXFEDDECISION-{old}-H0", 60)[-1]
    first = all_candles(fed, f"KXFEDDECISION-{new}-H0", 60)[0]
    closing, opening = (fed.listings[f"KXFEDDECISION-{event}-H0"] for event in (old, new))
    assert iso(closing.close_ms)[:10] == iso(opening.open_ms)[:10] == day
    assert last.end_ms <= closing.close_ms < opening.open_ms == first.end_ms - HOUR_MS
    assert opening.status_at(closing.close_ms) == "initialized"


def test_a_gap_keeps_the_quote_of_before(fed):
    for leg in LEGS:
        quote = fed.quote_at(f"KXFEDDECISION-25DEC-{leg}", at("2025-11-21T20:00:00Z"))
        assert iso(quote.updated_ms) == "2025-11-21T13:00:00Z"
    assert touch(fed, HOLD, "2025-11-21T20:00:00Z") == (3_900, 4_100)
    assert touch(fed, HOLD, "2025-11-21T21:00:00Z") == (3_400, 3_600)


def test_on_the_saturday_the_quote_is_fresh(fed):
    now = at("2025-11-22T15:30:07Z")
    quote = fed.quote_at(HOLD, now)
    assert touch(fed, HOLD, "2025-11-22T15:30:07Z") == (3_400, 3_600)
    assert now - quote.updated_ms < 20_000
    assert sum(level.count for level in quote.asks) >= 300_00
    week = fed.candles(HOLD, 60, now - 7 * DAY_MS, now)
    traded = [hour.price.close for hour in week if hour.volume]
    assert 5_200 <= sum(traded) / len(traded) <= 5_400


def test_the_last_moment_counts_all_that_was_recorded(fed, cpi):
    end = at("2027-01-01T00:00:00Z")
    for tape in (fed, cpi):
        for ticker in tape.listings:
            recorded = sum(one.volume for one in all_candles(tape, ticker, 1440))
            assert tape.activity_at(ticker, end).volume == recorded
    assert cpi.activity_at(CPI, end).volume == 22_306_56
    assert cpi.activity_at(CPI, end).open_interest == 15_842_78


def test_the_daily_recording_has_four_gaps_without_candles(cpi):
    ends = [day.end_ms for day in all_candles(cpi, CPI, 1440)]
    steps = [(later - earlier) // DAY_MS for earlier, later in itertools.pairwise(ends)]
    assert len(ends) == 44
    assert [step - 1 for step in steps if step > 1] == [4, 1, 1, 1]
    gap = at("2026-08-09T12:00:00Z")
    assert cpi.candles(CPI, 60, gap, gap + DAY_MS) == []
    assert iso(cpi.quote_at(CPI, gap).updated_ms) == "2026-08-07T04:00:00Z"


def test_books_without_a_bid_are_one_sided(cpi):
    assert touch(cpi, CPI, "2026-08-22T15:00:00Z") == (None, 1_200)
    assert touch(cpi, CPI, "2026-08-22T17:00:00Z") == (None, 3_800)
    days = all_candles(cpi, CPI, 1440)
    assert sum(day.bid.close == 0 for day in days) > len(days) / 2
    for day in days:
        bid, ask = touch(cpi, CPI, iso(day.end_ms - 30_000))
        assert (bid or 0, ask or 10_000) == (day.bid.close, day.ask.close)
