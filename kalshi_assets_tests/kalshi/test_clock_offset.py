from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kalshi_assets.kalshi.clock_offset import ClockOffset

START = datetime(2026, 11, 22, 15, 0, 0, tzinfo=UTC)


class Wall:
    """Our wall clock, `lead` seconds ahead of the exchange's."""

    def __init__(self, lead: float = 0) -> None:
        self.true_at = START + timedelta(milliseconds=500)
        self.lead = lead

    def __call__(self) -> datetime:
        return self.true_at + timedelta(seconds=self.lead)

    def ask(self, clock: ClockOffset, *, takes: float = 0.1, **headers: str) -> None:
        """Ask an exchange that dates its answer in the middle of the way."""
        asked_at = self()
        dated_at = self.true_at + timedelta(seconds=takes / 2)
        self.true_at += timedelta(seconds=takes)
        clock.note(asked_at, {"date": format_datetime(dated_at, usegmt=True), **headers})
        self.true_at += timedelta(seconds=1)


@pytest.mark.parametrize("lead", [-40, -6, 0, 5, 31])
def test_the_offset_is_known_to_half_a_second(lead: float) -> None:
    wall = Wall(lead)
    clock = ClockOffset(wall)
    assert clock.seconds is None
    for _ in range(7):
        wall.ask(clock)
    assert clock.seconds == pytest.approx(lead, abs=0.6)
    assert clock.round_trip_seconds == pytest.approx(0.1)


def test_a_slow_answer_explains_what_the_clock_would_be_blamed_for() -> None:
    wall = Wall()
    clock = ClockOffset(wall)
    wall.ask(clock, takes=20)
    assert clock.seconds == 0


def test_one_wrong_date_among_right_ones_moves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    wall = Wall()
    clock = ClockOffset(wall)
    for _ in range(3):
        wall.ask(clock)
    wall.ask(clock, date="Sat, 21 Nov 2026 15:00:00 GMT")
    assert caplog.records == []
    assert clock.seconds == pytest.approx(0, abs=0.6)


@pytest.mark.parametrize("date", ["", "soon", "Sat, 31 Feb 2026 99:00:00 GMT"])
def test_an_answer_without_a_date_tells_nothing(date: str) -> None:
    wall = Wall()
    clock = ClockOffset(wall)
    wall.ask(clock, date=date)
    assert clock.seconds is None


def test_leaving_the_limit_is_warned_about_once_each_time(caplog: pytest.LogCaptureFixture) -> None:
    wall = Wall(2)
    clock = ClockOffset(wall)
    said = []
    for lead in (2, -4, 0, 5):
        wall.lead = lead
        for _ in range(5):
            wall.ask(clock)
        said.append(len(caplog.records))
    assert said == [0, 1, 1, 2]
    first, second = (record.getMessage() for record in caplog.records)
    assert "behind the exchange's" in first
    assert "ahead of the exchange's" in second
    assert "timedatectl set-ntp true" in first
