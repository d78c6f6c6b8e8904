"""Waiting until reads are as far as a write: by the venue's moments alone, and bounded."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets_tests.kalshi.payloads import BASE, answer

# The venue's clock is years from ours: nothing may compare the two.
WRITTEN = datetime(2031, 5, 1, 12, 0, 0, 123_000, UTC)


class LaggingVenue:
    """Reads are some seconds behind a clock that only the client's pauses move."""

    def __init__(self, behind_seconds: float, *, step_seconds: float = 0) -> None:
        self.passed = 0.0
        self.looks = 0
        self._behind, self._step = behind_seconds, step_seconds

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.looks += 1
        seen = self.passed - self._behind
        if self._step:
            seen = seen // self._step * self._step
        told = WRITTEN + timedelta(seconds=seen)
        return answer(as_of_time=told.isoformat().replace("+00:00", "Z"))

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.passed += seconds

    def client(self) -> KalshiClient:
        retry = RetryPolicy(sleep=self.pause, monotonic=lambda: self.passed)
        return KalshiClient(BASE, transport=httpx.MockTransport(self), retry=retry)


@settings(deadline=None, max_examples=50)
@given(
    behind=st.floats(0, 30),
    step=st.sampled_from([0, 0.25, 1]),
    within=st.floats(0, 30),
)
def test_it_tells_true_only_where_reads_are_past_the_write_and_never_waits_longer(
    behind, step, within
):
    venue = LaggingVenue(behind, step_seconds=step)
    is_seen = venue.client().await_reads(WRITTEN, within_seconds=within)
    assert venue.passed <= within
    if is_seen:
        assert venue.passed > behind
    else:
        assert venue.passed + 1 >= min(within, behind)
    assert venue.looks <= 2 + within / 0.1


def test_the_usual_lag_costs_two_looks():
    venue = LaggingVenue(0.36)
    assert venue.client().await_reads(WRITTEN, within_seconds=2)
    assert venue.looks == 2


def test_a_moment_told_exactly_may_still_lack_what_came_within_its_millisecond():
    assert not LaggingVenue(0).client().await_reads(WRITTEN, within_seconds=0)


def test_a_moment_without_a_zone_is_refused_unsent():
    venue = LaggingVenue(0)
    with pytest.raises(ValueError, match="time zone"):
        venue.client().await_reads(WRITTEN.replace(tzinfo=None), within_seconds=1)
    assert venue.looks == 0
