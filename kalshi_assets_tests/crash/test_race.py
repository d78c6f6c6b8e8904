"""Two order processes, a poll loop and somebody who trades by hand, on one account, at once."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.order import is_of_our_scheme
from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.errors import ExchangeError
from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import LeasedClock
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.interventions import READ_LAG_MS
from kalshi_assets.local_exchange.store import Row, Store
from kalshi_assets_tests.crash import proof
from kalshi_assets_tests.crash.stage import NOON, Stage, signal, staged
from kalshi_assets_tests.crash.warm import Warm
from kalshi_assets_tests.crash.work import LEDGER, LIMITS, ORDERS, Job, run
from kalshi_assets_tests.exchange_rest.world import client_of
from kalshi_assets_tests.local_exchange.bench import UNLIMITED, private_key, public_pem
from kalshi_assets_tests.stand import DatabaseMaker

SPEED, SECONDS = 20.0, 30.0  # ten minutes of the venue
EVENTS = [f"KX{name}-26OCT" for name in "ABCDEFGH"]
TICKERS = [f"{event}-T{leg}" for event in EVENTS for leg in (1, 2, 3)]
CASH_MICROS = micros("5000")
REFUSED = "SELECT refused_by FROM kalshi.decisions WHERE outcome = 'refused'"
RULES = replace(
    LIMITS,
    max_event_pct=Decimal(3),
    max_category_pct=Decimal(16),
    max_total_pct=Decimal(14),
    max_orders_per_minute=2,
    max_orders_per_day=30,
)


@dataclass
class Trader:
    """Somebody who trades by hand: bids, takes, and cancels what he has resting."""

    stage: Stage
    clock: VenueClock
    chance: Random = field(default_factory=lambda: Random(7))  # noqa: S311  a draw
    sent: int = 0
    canceled: set[str] = field(default_factory=set)
    resting: list[tuple[str, str]] = field(default_factory=list)

    def trade(self) -> None:
        """Do one thing or another."""
        with client_of(self.stage.place.api_url, Path(self.stage.place.key)) as client:
            if self.resting and self.chance.random() < 0.4:
                order_id, ticker = self.resting.pop()
                self.canceled.add(order_id)
                client.cancel_order(order_id, market_ticker=ticker)
                return
            request = self._request()
            ack = client.create_order(request)
            if ack.remaining_count and request.time_in_force == "good_till_canceled":
                self.resting.append((ack.order_id, request.market_ticker))

    def _request(self) -> OrderRequest:
        self.sent += 1
        is_taking = self.chance.random() < 0.5
        side = self.chance.choice(["yes", "no"])
        return OrderRequest(
            client_order_id=f"by-hand-{self.sent}",
            market_ticker=self.chance.choice(TICKERS[:12]),
            side="yes" if side == "yes" else "no",
            limit_price=micros("0.60" if is_taking else "0.30"),
            count=centicontracts(str(self.chance.randint(1, 5))),
            expires_at=self.clock.now() + timedelta(seconds=900),
            time_in_force="immediate_or_cancel" if is_taking else "good_till_canceled",
        )


@pytest.fixture
def stage(make_database: DatabaseMaker, tmp_path: Path) -> Iterator[Stage]:
    with staged(make_database(), tmp_path, tickers=TICKERS) as made:
        yield made


def let_time_run(stage: Stage) -> VenueClock:
    """Let the venue's time run, its reads lag behind, and return its clock."""
    for number, ticker in enumerate(TICKERS):
        size = "20" if number % 3 == 0 else "1000"
        stage.tape.quote(ticker, bids=[("0.47", "1000")], asks=[("0.52", size)], at=-1)
    keys = {"me": public_pem(private_key("me"))}
    clock = LeasedClock(stage.tape.started_ms, speed=SPEED, write_lease=lambda ms: None)
    terms = replace(UNLIMITED, read_lag_ms=READ_LAG_MS)
    began = wall_now()
    stage.open(
        Exchange(stage.tape, Store(None), doorkeeper=Doorkeeper(keys), clock=clock, terms=terms)
    )
    return VenueClock(NOON, began, SPEED)


def again_and_again(what: Callable[[], object], *, every: float, failures: list[str]) -> None:
    """Do it until the time is over; what the exchange refuses is as it may be."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            what()
        except ExchangeError:
            pass
        except Exception as exc:
            failures.append(f"{type(exc).__name__}: {exc}")
        time.sleep(every)


def test_two_order_processes_a_poll_loop_and_a_trader_by_hand_share_an_account(
    stage: Stage,
) -> None:
    clock, failures = let_time_run(stage), list[str]()
    trader = Trader(stage, clock)
    ledger_job = Job(
        stage.place, clock, LEDGER, limits=RULES, reads_seconds=1.0, patience_seconds=5.0
    )

    def poll() -> None:
        stage.poll([signal(stage.now, ticker=ticker) for ticker in TICKERS])
        failures.extend(run(ledger_job, is_alone=False))

    poll()
    order_job = replace(ledger_job, steps=ORDERS, seconds=SECONDS)
    with closing(Warm()) as second:
        both = (stage.warm, second)
        for warm in both:
            warm.start(order_job)
        hand = threading.Thread(
            target=again_and_again,
            args=(trader.trade,),
            kwargs={"every": 0.15, "failures": failures},
        )
        hand.start()
        again_and_again(poll, every=0.5, failures=failures)
        hand.join()
        assert not any(warm.end() for warm in both)
    stage.see([])
    time.sleep(1)
    run(replace(ledger_job, steps=(*ORDERS, *LEDGER)))
    time.sleep(1)
    assert run(replace(ledger_job, steps=(*ORDERS, *LEDGER, "books"))) == []

    assert failures == []
    _all_is_as_it_must_be(stage, trader)


def _all_is_as_it_must_be(stage: Stage, trader: Trader) -> None:
    found = proof.find(stage)
    proof.no_duplicate(found)
    proof.one_live_entry(found)
    proof.one_purchase_a_signal(found)
    proof.no_order_is_lost(found)
    proof.fills_are_the_same(stage, found)
    proof.money_is_conserved(stage)
    assert stage.rows("SELECT * FROM kalshi.trading_state") == []
    by_hand = [row for row in found.theirs if not is_of_our_scheme(row["client_order_id"])]
    assert len(found.ours) >= 4, "the limits leave room for four orders"
    assert len(by_hand) >= 40
    _limits_held(list(found.ours.values()))
    refused = {name for row in stage.rows(REFUSED) for name in row["refused_by"]}
    assert {"event_exposure", "total_exposure", "orders_per_minute"} <= refused, "none was in force"
    _orders_by_hand_are_known_and_left_alone(stage, by_hand, trader)


def _limits_held(orders: list[dict[str, Any]]) -> None:
    """What our orders could cost never exceeds a share; nor did they come faster than allowed."""
    staked, of_event = 0, defaultdict[str, int](int)
    for order in orders:
        count = order["fill_count"] if order["status"] in ("filled", "canceled") else order["count"]
        cost = count * order["limit_price"] // 100
        staked += cost
        of_event[order["market_ticker"].rsplit("-", 1)[0]] += cost
    assert staked <= RULES.max_total_pct * CASH_MICROS / 100
    assert max(of_event.values()) <= RULES.max_event_pct * CASH_MICROS / 100
    moments = sorted(order["created_at"] for order in orders)
    for first, third in zip(moments, moments[RULES.max_orders_per_minute :], strict=False):
        assert third - first >= timedelta(minutes=1), "more orders in a minute than allowed"


def _orders_by_hand_are_known_and_left_alone(
    stage: Stage, by_hand: list[Row], trader: Trader
) -> None:
    noted = stage.rows("SELECT order_id, kind FROM kalshi.foreign_orders")
    kinds = {row["order_id"]: row["kind"] for row in noted}
    assert kinds == dict.fromkeys((row["order_id"] for row in by_hand), "manual")
    asked_off = {row["order_id"] for row in by_hand if row["reason"] == "UserCancel"}
    assert asked_off <= trader.canceled, "we cancelled an order of somebody else"
    ids = {row["order_id"] for row in by_hand}
    for fill in stage.rows("SELECT venue_order_id, client_order_id FROM kalshi.fills"):
        assert (fill["venue_order_id"] in ids) == (fill["client_order_id"] is None)
