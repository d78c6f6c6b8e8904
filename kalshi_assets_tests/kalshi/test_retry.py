import pytest

from kalshi_assets.errors import (
    NotFound,
    PayloadError,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.retry import RetryPolicy


def failing(*failures: Exception):
    left = list(failures)

    def read() -> str:
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
