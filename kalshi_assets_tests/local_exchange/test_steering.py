"""The exchange's clock steered by hand, and money paid in: nothing is skipped, nothing is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from kalshi_assets.local_exchange import Terms, open_exchange, running_exchange
from kalshi_assets.local_exchange.clock import LeasedClock, ManualClock
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.limits import TIERS, RateLimits
from kalshi_assets.local_exchange.server import Handle
from kalshi_assets_tests.local_exchange.bench import Caller, private_key, public_pem

TICKER, FALLING = "KXPAYROLLS-26SEP-T75000", "KXCPI-26OCT-T0.3"
AFTER_SETTLEMENT = "2026-10-13T18:30:00Z"


@contextmanager
def exchange_at_work() -> Iterator[tuple[Handle, Caller]]:
    terms = Terms(read_lag_ms=0, rate_limits=RateLimits(is_enforced=False))
    keys = {"me": public_pem(private_key("me"))}
    with running_exchange(open_exchange("cpi-week", keys=keys, terms=terms)) as handle:
        yield handle, Caller(handle.url, "me")


def post(handle: Handle, page: str, content: object) -> httpx.Response:
    return httpx.post(f"{handle.local_url}/{page}", json=content, trust_env=False)


def cash(exchange: Exchange) -> int:
    return exchange.ledger.cash_micros("me")


def traded(handle: Handle, caller: Caller, *moments: str) -> tuple[int, list[Any]]:
    """Quote around two markets, go through these moments, and return cash and the orders' ends.

    One falls on for hours, the other is at its height only in the first quarter of an hour.
    """
    placed = [(TICKER, "bid", price) for price in ("0.28", "0.22")]
    placed += [(FALLING, "ask", price) for price in ("0.69", "0.70", "0.71")]
    for ticker, side, price in placed:
        answer = caller.order(side, price, "2000", ticker=ticker, client_order_id=price)
        assert answer.status_code == 201, answer.text
    for moment in moments:
        assert post(handle, "clock", {"venue_at": moment}).status_code == 200
    orders = handle.exchange.store.rows("select price, status, fill_count, reason from orders")
    return cash(handle.exchange), [tuple(row) for row in orders]


def test_a_jump_does_all_that_many_small_steps_do() -> None:
    steps = [f"2026-10-13T{hour}:{minute:02}:00Z" for hour in (15, 16, 17) for minute in (0, 30)]
    with exchange_at_work() as (handle, caller):
        post(handle, "clock", {"speed": 0.001})
        stepwise = traded(handle, caller, *steps, AFTER_SETTLEMENT)
    with exchange_at_work() as (handle, caller):
        post(handle, "clock", {"speed": 0.001})
        at_once = traded(handle, caller, AFTER_SETTLEMENT)
        settled = handle.exchange.store.number("select count(*) from settlements")
    assert at_once == stepwise
    assert settled == 1, "the market closed and paid out on the way"
    assert any(fills for _, _, fills, _ in at_once[1]), "the tape fell through the bids"


def test_the_clock_goes_where_it_is_sent_and_runs_on_at_the_speed_asked_for() -> None:
    with exchange_at_work() as (handle, _):
        told = post(handle, "clock", {"venue_at": "2026-10-13T16:00:00Z", "speed": 0.001}).json()
        assert (told["venue_at"], told["speed"]) == ("2026-10-13T16:00:00Z", 0.001)
        now = httpx.get(f"{handle.local_url}/clock", trust_env=False).json()
        assert now["venue_at"].startswith("2026-10-13T16:00:00")
        assert post(handle, "clock", {"speed": 60}).json()["speed"] == 60


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"venue_at": "2026-10-13T14:00:00Z"}, "it never goes back"),
        ({"venue_at": "2026-10-13T16:00:00"}, "has no offset"),
        ({"venue_at": "tomorrow"}, "tomorrow"),
        ({"speed": 0}, "not positive"),
        ({"hour": 1}, "hour"),
    ],
)
def test_a_clock_is_not_sent_where_it_cannot_go(asked: dict[str, object], why: str) -> None:
    with exchange_at_work() as (handle, _):
        refused = post(handle, "clock", asked)
        assert refused.status_code == 400
        assert why in refused.json()["error"]
        assert handle.exchange.clock.speed == 1


def test_another_speed_alone_goes_nowhere_however_time_passes_meanwhile() -> None:
    seconds = iter(range(1_000))
    clock = LeasedClock(
        5_000, speed=1, write_lease=lambda ms: None, monotonic=lambda: next(seconds)
    )
    before = clock.now_ms()
    clock.steer(None, speed=60)
    assert clock.now_ms() >= before
    assert clock.speed == 60


def test_a_jump_is_on_disk_before_anybody_sees_it() -> None:
    written: list[int] = []
    clock = LeasedClock(5_000, speed=1, write_lease=written.append, monotonic=lambda: 7.0)
    clock.steer(900_000, speed=2)
    assert clock.now_ms() == 900_000 <= written[-1]
    with pytest.raises(ValueError, match="never goes back"):
        clock.steer(899_999, speed=2)
    with pytest.raises(ValueError, match="never goes back"):
        ManualClock(10_000).steer(9_000, speed=1)


def test_money_paid_in_is_there_and_all_money_still_adds_up() -> None:
    with exchange_at_work() as (handle, caller):
        exchange = handle.exchange
        before, money = cash(exchange), exchange.ledger.other_side.books().total
        assert post(handle, "transfers", {"account": "me", "amount": "500.00"}).json() == {
            "cash_micros": before + 500_000_000
        }
        assert post(handle, "transfers", {"account": "me", "amount": "-0.5"}).status_code == 200
        assert exchange.ledger.other_side.books().total == money + 499_500_000
        told = caller.get("/portfolio/balance")
        assert told["balance_dollars"] == "5499.5000"


def test_a_fault_that_begins_later_shows_the_market_as_it_was_before_it() -> None:
    with exchange_at_work() as (handle, caller):
        post(handle, "clock", {"venue_at": "2026-10-13T15:00:00Z", "speed": 0.001})
        an_hour_before = caller.get(f"/markets/{TICKER}")["market"]
        rule = {"fault": "stale-feed", "market": TICKER, "from": "2026-10-13T16:00:00Z"}
        assert post(handle, "faults", rule).status_code == 201
        post(handle, "clock", {"venue_at": "2026-10-13T16:30:00Z"})
        shown = caller.get(f"/markets/{TICKER}")["market"]
        for name in ("updated_time", "yes_bid_dollars", "volume_fp"):
            assert shown[name] == an_hour_before[name]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"account": "you", "amount": "1"}, "account 'you' is not known"),
        ({"account": "me", "amount": "-5000.01"}, "has 5000000000 micros"),
        ({"account": "me", "amount": "0"}, "no sum"),
        ({"account": "me", "amount": "0.00001"}, "no sum"),
        ({"account": "me"}, "amount"),
    ],
)
def test_money_is_not_paid_where_it_cannot_be(asked: dict[str, object], why: str) -> None:
    with exchange_at_work() as (handle, _):
        refused = post(handle, "transfers", asked)
        assert refused.status_code == 400
        assert why in refused.json()["error"]
        assert cash(handle.exchange) == 5_000_000_000


def test_tiers_have_the_documented_budgets() -> None:
    assert {name: (t.read.refill_rate, t.write.refill_rate) for name, t in TIERS.items()} == {
        "basic": (200, 100),
        "advanced": (300, 300),
        "premier": (1_200, 1_200),
        "prime": (4_800, 4_800),
    }
