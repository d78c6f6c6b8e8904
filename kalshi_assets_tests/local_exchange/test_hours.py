from datetime import datetime

import pytest

from kalshi_assets.local_exchange import hours
from kalshi_assets.local_exchange.units import HOUR_MS, to_ms


def at(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=hours.NEW_YORK))


@pytest.mark.parametrize("text", ["2026-10-15T03:00", "2026-10-15T04:59", "2026-12-17T03:30"])
def test_thursday_morning_is_paused(text):
    assert hours.pause_start(at(text)) == at(text[:11] + "03:00")


@pytest.mark.parametrize("text", ["2026-10-15T02:59", "2026-10-15T05:00", "2026-10-14T03:30"])
def test_trading_is_on_otherwise(text):
    assert hours.pause_start(at(text)) is None


@pytest.mark.parametrize("day", ["2026-10-15", "2026-12-17"])
def test_a_pause_lasts_two_hours(day):
    assert hours.pause_end(at(f"{day}T03:00")) == at(f"{day}T05:00")


def test_pauses_between_counts_every_thursday_once():
    starts = hours.pauses_between(at("2026-10-15T03:00"), at("2026-10-29T03:00"))
    assert starts == [at("2026-10-22T03:00"), at("2026-10-29T03:00")]


@pytest.mark.parametrize(
    ("day", "length"), [("2026-11-01", 25), ("2026-03-08", 23), ("2026-10-13", 24)]
)
def test_a_day_is_as_long_as_in_new_york(day, length):
    start, end = hours.day_bounds(at(f"{day}T12:00"))
    assert end - start == length * HOUR_MS
