import threading

import pytest

from kalshi_assets.kalshi.rate_limit import RateLimits, TokenBucket


class Time:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def bucket(time: Time, per_second: float = 100, capacity: float | None = None) -> TokenBucket:
    return TokenBucket(per_second, capacity, monotonic=time, sleep=time.sleep)


def test_a_full_bucket_lets_through_at_once_and_then_at_the_rate():
    time = Time()
    tokens = bucket(time)
    for _ in range(10):
        tokens.take(10)
    assert time.now == 0
    for _ in range(20):
        tokens.take(10)
    assert time.now == pytest.approx(2.0)


def test_a_rest_refills_no_more_than_the_capacity():
    time = Time()
    tokens = bucket(time)
    tokens.take(100)
    time.sleep(3600)
    tokens.take(100)
    before = time.now
    tokens.take(10)
    assert time.now - before == pytest.approx(0.1)


def test_no_window_spends_more_than_capacity_and_refill():
    time = Time()
    tokens, spent = bucket(time, 200), []
    for _ in range(100):
        tokens.take(10)
        spent.append(time.now)
    for start in spent:
        assert sum(10 for at in spent if start <= at < start + 1 - 1e-9) <= 400


def test_threads_together_stay_below_the_rate():
    waits: list[float] = []
    tokens = TokenBucket(100, monotonic=lambda: 0.0, sleep=waits.append)
    threads = [threading.Thread(target=tokens.take, args=(10,)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([n / 10 for n in range(1, 21)])


def test_reads_and_writes_have_buckets_of_their_own():
    limits = RateLimits()
    assert limits.read is not limits.write
