import httpx
import pytest

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Terms
from kalshi_assets.local_exchange.limits import BucketSize, RateLimiter, RateLimits
from kalshi_assets_tests.local_exchange.bench import floor


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def spend_all(limiter, budget, cost):
    for spent in range(1_000):
        try:
            limiter.spend("me", budget, cost=cost)
        except Refusal:
            return spent
    return None


@pytest.mark.parametrize(
    ("budget", "cost", "times"), [("read", 10, 60), ("write", 10, 10), ("write", 2, 50)]
)
def test_basic_tier_holds_three_seconds_of_reads_and_one_of_writes(budget, cost, times):
    assert spend_all(RateLimiter(RateLimits(), monotonic=Stopwatch()), budget, cost) == times


def test_tokens_come_back_with_time_up_to_the_capacity():
    watch = Stopwatch()
    limiter = RateLimiter(RateLimits(), monotonic=watch)
    spend_all(limiter, "write", 10)
    watch.seconds = 0.5
    assert spend_all(limiter, "write", 10) == 5
    watch.seconds = 1_000
    assert spend_all(limiter, "write", 10) == 10


def test_a_refusal_costs_nothing():
    watch = Stopwatch()
    limiter = RateLimiter(RateLimits(read=BucketSize(10, 10)), monotonic=watch)
    spend_all(limiter, "read", 10)
    for _ in range(5):
        with pytest.raises(Refusal):
            limiter.spend("me", "read", cost=10)
    watch.seconds = 1
    limiter.spend("me", "read", cost=10)


def test_accounts_and_budgets_do_not_share():
    limiter = RateLimiter(RateLimits(), monotonic=Stopwatch())
    spend_all(limiter, "write", 10)
    limiter.spend("me", "read", cost=10)
    limiter.spend("you", "write", cost=10)
    with pytest.raises(Refusal):
        limiter.spend("me", "write", cost=10)


def test_the_eleventh_order_in_a_moment_is_too_many():
    slow = RateLimits(write=BucketSize(1, 100))
    with floor(terms=Terms(rate_limits=slow)) as venue:
        answers = [venue.me.order("bid", "0.10", "1") for _ in range(11)]
        assert [a.status_code for a in answers] == [201] * 10 + [429]
        assert answers[-1].json() == {"error": "too many requests"}
        assert venue.me.call("GET", "/account/limits").json()["write"]["bucket_capacity"] == 100


def test_a_flood_of_reads_is_stopped_unsigned_too():
    slow = RateLimits(read=BucketSize(1, 30))
    with floor(terms=Terms(rate_limits=slow)) as venue:
        codes = [
            httpx.get(f"{venue.url}/exchange/status", trust_env=False).status_code for _ in range(5)
        ]
    assert codes == [200, 200, 200, 429, 429]
