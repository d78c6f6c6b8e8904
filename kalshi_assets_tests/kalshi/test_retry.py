import pytest

from kalshi_assets.errors import (
    BreakerOpen,
    NotFound,
    PayloadError,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.retry import Attempt, RetryPolicy
from kalshi_assets_tests.kalshi.test_rate_limit import Time


def failing(*failures: Exception):
    left = list(failures)

    def read(attempt: Attempt) -> str:
        if left:
            raise left.pop(0)
        return "done"

    return read


@pytest.mark.parametrize("kind", [TransportError, ServerError, RateLimited])
def test_a_passing_failure_is_tried_again(kind):
    pauses: list[float] = []
    policy = RetryPolicy(sleep=pauses.append, random=lambda: 0.5)
    assert policy.call(failing(kind("x"), kind("x"))) == "done"
    assert pauses == [0.125, 0.25]


@pytest.mark.parametrize("failure", [Rejected("x"), NotFound("x"), PayloadError("x", payload=b"")])
def test_a_lasting_failure_is_not_tried_again(failure):
    pauses: list[float] = []
    with pytest.raises(type(failure)):
        RetryPolicy(sleep=pauses.append).call(failing(failure))
    assert pauses == []


def test_the_last_failure_is_raised():
    pauses: list[float] = []
    policy = RetryPolicy(attempts=3, sleep=pauses.append)
    failures = [ServerError(str(n)) for n in range(5)]
    with pytest.raises(ServerError, match="2"):
        policy.call(failing(*failures))
    assert len(pauses) == 2


def test_pauses_double_up_to_the_cap_and_jitter_fills_the_whole_span():
    longest = RetryPolicy(random=lambda: 1.0)
    shortest = RetryPolicy(random=lambda: 0.0)
    assert [longest.pause_seconds(n) for n in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 4, 4]
    assert [shortest.pause_seconds(n) for n in range(1, 8)] == [0] * 7
    assert longest.pause_seconds(5_000 // 10) == 4


def slow(time: Time, seconds: float, seen: list[Attempt]):
    def read(attempt: Attempt) -> str:
        seen.append(attempt)
        time.sleep(seconds)
        raise TransportError(f"failure {attempt.number}")

    return read


def test_no_pause_is_begun_that_would_end_after_the_deadline():
    time, seen = Time(), list[Attempt]()
    policy = RetryPolicy(
        attempts=10,
        deadline_seconds=10,
        sleep=time.sleep,
        random=lambda: 1.0,
        monotonic=time,
    )
    started = time.now
    with pytest.raises(TransportError, match="failure 3"):
        policy.call(slow(time, 3.0, seen))
    assert time.now - started == pytest.approx(9.75), "a third pause of 1 s would end at 10.75 s"
    assert [a.number for a in seen] == [1, 2, 3]
    assert [a.left_seconds for a in seen] == pytest.approx([10, 6.75, 3.25])


def test_a_breaker_that_opens_meanwhile_does_not_hide_the_failure():
    policy = RetryPolicy(sleep=lambda _: None)
    with pytest.raises(ServerError, match="the cause"):
        policy.call(failing(ServerError("the cause"), BreakerOpen("x")))
    with pytest.raises(BreakerOpen):
        policy.call(failing(BreakerOpen("x")))
