"""Whoever has time takes only what nobody else has asked for."""

from pathlib import Path

import pytest

from kalshi_assets.errors import RateLimited
from kalshi_assets.kalshi.patient_limits import PatientLimits
from kalshi_assets.kalshi.rate_limit import BASIC, RateLimits
from kalshi_assets.kalshi.shared_limits import FileBook
from kalshi_assets_tests.kalshi.test_rate_limit import Time

BURST = 10
"""Calls of 10 tokens that the lowest tier lets through at once after a rest."""


def pair(path: Path) -> tuple[PatientLimits, RateLimits, Time]:
    """Return one with time and one without, of the same account, its buckets full."""
    time = Time()
    patient = PatientLimits(FileBook(path, monotonic=time), sleep=time.sleep)
    other = RateLimits(FileBook(path, monotonic=time), sleep=time.sleep)
    other.take("read", 1)
    time.sleep(10)
    return patient, other, time


def waited(limits: RateLimits, time: Time, times: int = 1) -> float:
    before = time.now
    for _ in range(times):
        limits.take("read", 10)
    return time.now - before


def test_alone_it_gets_the_whole_rate(tmp_path: Path) -> None:
    patient, _, time = pair(tmp_path / "limits")
    assert waited(patient, time, 101) == pytest.approx(100 * 10 / BASIC.read.per_second)


def test_after_any_number_of_its_calls_others_find_their_burst_but_for_one(tmp_path: Path) -> None:
    patient, other, time = pair(tmp_path / "limits")
    waited(patient, time, 50)
    assert waited(other, time, BURST - 1) == 0


def test_it_stands_behind_all_that_others_have_asked_for(tmp_path: Path) -> None:
    patient, other, time = pair(tmp_path / "limits")
    waited(other, time, BURST)
    assert waited(patient, time) == pytest.approx(BURST * 10 / BASIC.read.per_second)


def test_while_others_use_it_all_it_gives_up_and_takes_nothing(tmp_path: Path) -> None:
    patient, other, time = pair(tmp_path / "limits")

    def busy(seconds: float) -> None:
        time.sleep(seconds)
        other.take("read", 20)

    patient._sleep = busy
    other.take("read", 20)
    before = time.now
    with pytest.raises(RateLimited, match="others have used the account's read limit"):
        patient.take("read", 10, within_seconds=5)
    assert time.now - before <= 5
    patient._sleep = time.sleep
    assert waited(patient, time) == pytest.approx(0.1), "only what the other one took last"
