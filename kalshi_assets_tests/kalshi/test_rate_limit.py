import threading
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.errors import RateLimited
from kalshi_assets.kalshi.rate_limit import (
    BASIC,
    JITTER_SECONDS,
    BucketSize,
    OwnBook,
    RateLimits,
    Tier,
)
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.limits import BucketSize as TheirSize
from kalshi_assets.local_exchange.limits import RateLimiter
from kalshi_assets.local_exchange.limits import RateLimits as TheirLimits


class Time:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def limits(time: Time, tier: Tier = BASIC) -> RateLimits:
    return RateLimits(OwnBook(tier, monotonic=time), sleep=time.sleep)


def taken(tokens: RateLimits, time: Time, cost: float, times: int) -> float:
    """Return how long so many reads had to wait."""
    started = time.now
    for _ in range(times):
        tokens.take("read", cost)
    return time.now - started


def test_a_rested_bucket_lets_its_burst_through_at_once_and_then_the_rate() -> None:
    time = Time()
    tokens = limits(time)
    assert BASIC.read.burst == 100
    assert taken(tokens, time, 10, 10) == 0
    assert taken(tokens, time, 10, 40) == pytest.approx(2.0)


def test_a_rest_refills_no_more_than_the_burst() -> None:
    time = Time()
    tokens = limits(time)
    taken(tokens, time, 10, 10)
    time.sleep(3600)
    assert taken(tokens, time, 10, 10) == pytest.approx(0, abs=1e-9)
    assert taken(tokens, time, 10, 1) == pytest.approx(0.05)


def test_reads_and_writes_have_buckets_of_their_own() -> None:
    time = Time()
    tokens = limits(time)
    taken(tokens, time, 10, 30)
    before = time.now
    for _ in range(5):
        tokens.take("write", 10)
    assert time.now == pytest.approx(before, abs=1e-9)
    tokens.take("write", 2)
    assert time.now - before == pytest.approx(0.02)


def test_threads_stand_in_one_line() -> None:
    waits: list[float] = []
    tokens = RateLimits(OwnBook(monotonic=lambda: 0.0), sleep=waits.append)
    threads = [threading.Thread(target=tokens.take, args=("write", 10)) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([n / 10 for n in range(1, 21)])


CALLS = st.tuples(
    st.floats(0, 3, allow_nan=False),  # a rest before it
    st.sampled_from([2, 10, 30]),
    st.floats(0, JITTER_SECONDS, allow_nan=False),  # how long it is on its way
)


@settings(max_examples=150, deadline=None)
@given(calls=st.lists(CALLS, min_size=1, max_size=80), capacity=st.sampled_from([100, 200, 300]))
def test_the_exchange_refuses_nothing_however_calls_are_delayed(
    calls: list[tuple[float, int, float]], capacity: int
) -> None:
    time = Time()
    size = BucketSize(100, capacity)
    ours = limits(time, Tier(read=size, write=size))
    arrivals = []
    for rest, cost, delay in calls:
        time.sleep(rest if rest > 2 else 0)
        ours.take("write", cost)
        arrivals.append((time.now + delay, cost))
    arriving = Time()
    theirs = RateLimiter(TheirLimits(write=TheirSize(100, capacity)), monotonic=arriving)
    for arriving.now, cost in sorted(arrivals):
        try:
            theirs.spend("me", "write", cost=cost)
        except Refusal:  # but for what floats make of a bucket that is exactly empty
            arriving.now += 1e-6
            theirs.spend("me", "write", cost=cost)


def test_after_a_refusal_everyone_waits_as_before_an_empty_bucket() -> None:
    time = Time()
    tokens = limits(time)
    tokens.refused("read", 10)
    assert taken(tokens, time, 10, 1) == pytest.approx(0.05)
    assert taken(tokens, time, 10, 20) == pytest.approx(1.0)


def test_a_refusal_in_a_line_of_callers_moves_the_line_back() -> None:
    waits: list[float] = []
    tokens = RateLimits(OwnBook(monotonic=lambda: 0.0), sleep=waits.append)
    for _ in range(12):
        tokens.take("read", 10)
    tokens.refused("read", 10)
    tokens.take("read", 10)
    assert waits == pytest.approx([0.05, 0.10, 0.20])


def test_who_cannot_be_served_in_time_is_told_so_and_takes_nothing() -> None:
    time = Time()
    tokens = limits(time)
    taken(tokens, time, 10, 10)
    with pytest.raises(RateLimited, match=r"not sent: 0\.1 s of read calls"):
        tokens.take("read", 20, within_seconds=0.09)
    assert taken(tokens, time, 10, 1) == pytest.approx(0.05)


def test_nobody_stands_in_line_for_more_than_ten_minutes() -> None:
    waits: list[float] = []
    size = BucketSize(1, 100)
    book = OwnBook(Tier(size, size), monotonic=lambda: 0.0)
    tokens = RateLimits(book, sleep=waits.append)
    for _ in range(13):
        tokens.take("read", 50)
    with pytest.raises(RateLimited, match="600"):
        tokens.take("read", 50)
    assert max(waits) == 550.5


def test_a_call_larger_than_the_bucket_is_refused_for_good() -> None:
    tokens = limits(Time())
    tokens.take("write", 100)
    with pytest.raises(ValueError, match=r"120 tokens never fits the write bucket of 100"):
        tokens.take("write", 120)


COSTED = Tier(
    BASIC.read,
    BASIC.write,
    default_cost=7,
    costs={
        "DELETE /portfolio/events/orders/:order_id": 2,
        "DELETE /portfolio/events/orders/batched": 3,
        "GET /cfbenchmarks/*endpoint": 150,
    },
)


@pytest.mark.parametrize(
    ("call", "cost"),
    [
        ("DELETE /portfolio/events/orders/abc", 2),
        ("DELETE /portfolio/events/orders/batched", 3),
        ("DELETE /portfolio/events/orders", 7),
        ("DELETE /portfolio/events/orders/abc/amend", 7),
        ("POST /portfolio/events/orders/abc", 7),
        ("GET /cfbenchmarks/a/b", 150),
        ("GET /markets", 7),
    ],
)
def test_a_call_costs_what_the_exchange_states_for_its_endpoint(call: str, cost: int) -> None:
    method, path = call.split(" ")
    assert limits(Time(), COSTED).cost(method, path) == cost


@pytest.mark.parametrize(
    ("method", "path", "cost"),
    [
        ("POST", "/portfolio/events/orders", 10),
        ("DELETE", "/portfolio/events/orders/o-1", 2),
        ("DELETE", "/portfolio/events/orders", 2),
        ("GET", "/markets", 10),
    ],
)
def test_without_a_statement_calls_cost_as_documented(method: str, path: str, cost: int) -> None:
    assert RateLimits().cost(method, path) == cost


def test_a_tier_of_ones_own_is_never_looked_up() -> None:
    assert not RateLimits().is_tier_due()
    assert BucketSize(100, 10).burst == 0
    tokens = RateLimits(OwnBook(Tier(BucketSize(100, 10), BucketSize(100, 10))))
    tokens.take("read", 10, within_seconds=inf)
