"""Twelve minutes without an answer of the exchange, with orders of ours resting there."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from kalshi_assets.execution.resuming import resume
from kalshi_assets_tests.crash import proof
from kalshi_assets_tests.crash.stage import ELSEWHERE, Stage, signal, staged
from kalshi_assets_tests.crash.work import LEDGER, ORDERS, TTL_SECONDS, Job, desk_of, run
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.stand import DatabaseMaker

OUTAGE = timedelta(minutes=12)


@pytest.fixture
def stage(make_database: DatabaseMaker, tmp_path: Path) -> Iterator[Stage]:
    with staged(make_database(), tmp_path) as made:
        yield made


def round_(stage: Stage, seconds: float, *steps: str) -> list[str]:
    """Do a job a while later, as a poll's data and the sensors would let it run."""
    stage.later(seconds)
    stage.poll([signal(stage.now, ticker=ticker) for ticker in (TICKER, ELSEWHERE)])
    return run(Job(stage.place, stage.clock, steps))


def resting(stage: Stage) -> list[int]:
    """Return when each order that rests at the exchange now expires, venue milliseconds."""
    stage.exchange.moment()
    sql = "select expires_ms from orders where status = 'resting'"
    return [row["expires_ms"] for row in stage.exchange.store.rows(sql)]


def states(stage: Stage) -> list[tuple[object, object]]:
    rows = stage.rows("SELECT state, cause FROM kalshi.trading_state ORDER BY state_id")
    return [(row["state"], row["cause"]) for row in rows]


def test_an_outage_leaves_no_order_longer_than_its_time_to_live_and_trading_halted_until_resumed(
    stage: Stage,
) -> None:
    chance = Random(12)  # noqa: S311  a draw
    for ticker in (TICKER, ELSEWHERE):
        stage.tape.quote(ticker, bids=[("0.47", "500")], asks=[("0.52", "3")], at=0)
    for _ in range(4):
        round_(stage, 20, *ORDERS, *LEDGER)
    assert len(resting(stage)) == 2

    began = stage.now
    stage.troubles.begin("outage")
    while stage.now < began + OUTAGE:
        failed = round_(stage, chance.uniform(15, 90), "keep_up", "read", *ORDERS, "fills")
        assert any(line.startswith("keep_up") for line in failed)
        left = [(ms / 1000 - stage.now.timestamp()) for ms in resting(stage)]
        assert all(0 < seconds <= TTL_SECONDS for seconds in left)
        assert not left or stage.now < began + timedelta(seconds=TTL_SECONDS)
        assert states(stage) == [("halted", "breaker")], "the third failure in a row halts, once"
    _one_halt_is_told(stage)
    assert "CancelOrderV2" in stage.troubles.writes, "cancels are tried all the while"
    assert stage.troubles.writes.count("CreateOrderV2") == 2, "nothing new was bought meanwhile"
    assert resting(stage) == []

    stage.troubles.end()
    for _ in range(4):
        failed = round_(stage, 60, *ORDERS, *LEDGER, "books")
    assert failed == []
    assert states(stage) == [("halted", "breaker")], "it stays latched"
    statuses = stage.rows("SELECT status, fill_count FROM kalshi.orders")
    assert [(row["status"], row["fill_count"]) for row in statuses] == [("canceled", 300)] * 2
    proof.check(stage)

    with desk_of(stage.place, stage.clock) as desk:
        resumed = resume(desk, by="a test", why="it is over", is_unknown_accepted=False)
    assert resumed.is_changed
    assert [halt.cause for halt in resumed.halts] == ["breaker"]
    assert states(stage)[-1] == ("active", "command")


def _one_halt_is_told(stage: Stage) -> None:
    [row] = stage.rows("SELECT reason FROM kalshi.trading_state WHERE state = 'halted'")
    assert "3 failures in a row" in str(row["reason"])
    [alert] = stage.rows("SELECT * FROM kalshi.alerts WHERE kind <> 'order_filled'")
    assert alert["kind"] == "halt"
    assert alert["settled_at"] is None
    assert "3 failures in a row" in alert["why"]
