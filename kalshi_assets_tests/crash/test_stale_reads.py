"""The venue's reads tell the state of a minute ago: nothing is bought, sold or given up twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_assets_tests.crash import proof
from kalshi_assets_tests.crash.points import POINTS
from kalshi_assets_tests.crash.stage import Stage, signal, staged
from kalshi_assets_tests.crash.work import LEDGER, ORDERS, Job, run
from kalshi_assets_tests.exchange_rest.world import client_of
from kalshi_assets_tests.local_exchange.bench import TICKER, order_body
from kalshi_assets_tests.stand import DatabaseMaker

[ANSWER_COMMITTED] = [point for point in POINTS if point.name == "submit: answer committed"]


@pytest.fixture(scope="module")
def whole_stage(
    make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with staged(make_database(), tmp_path_factory.mktemp("stale")) as made:
        yield made


@pytest.fixture
def stage(whole_stage: Stage) -> Stage:
    whole_stage.reset()
    whole_stage.quote("0.47", "0.52", after=-1)
    round_(whole_stage, *LEDGER)
    return whole_stage


def round_(stage: Stage, *steps: str) -> None:
    _pass_time(stage)
    run(Job(stage.place, stage.clock, steps))


def killed_round(stage: Stage, point: object, *steps: str) -> None:
    _pass_time(stage)
    job = Job(stage.place, stage.clock, steps, point)  # type: ignore[arg-type]  # one of ours
    stage.warm.start(job)
    assert stage.warm.end()


def _pass_time(stage: Stage) -> None:
    stage.later(20)
    stage.poll([signal(stage.now)])


def orders(stage: Stage) -> list[tuple[str, int, str]]:
    rows = stage.rows("SELECT leg, attempt, status FROM kalshi.orders ORDER BY created_at")
    return [(row["leg"], row["attempt"], row["status"]) for row in rows]


def test_a_list_from_before_an_order_does_not_tell_that_it_was_never_received(
    stage: Stage,
) -> None:
    answered = [point for point in POINTS if point.name == "submit: answered"]
    killed_round(stage, answered[0], *ORDERS)
    stage.troubles.begin("reads 60 s old")

    for _ in range(2):  # the grace ends with the second
        round_(stage, *ORDERS)
        assert orders(stage) == [("entry", 1, "intent")]
    for _ in range(4):
        round_(stage, *ORDERS, *LEDGER)

    assert orders(stage) == [("entry", 1, "filled")]
    stage.troubles.end()
    proof.check(stage)


def test_what_was_bought_is_not_bought_again_while_no_read_shows_it(stage: Stage) -> None:
    stage.troubles.begin("reads 60 s old")
    round_(stage, *ORDERS)
    round_(stage, *ORDERS)

    [_, refused] = stage.rows("SELECT * FROM kalshi.decisions ORDER BY judged_at")
    assert "portfolio_known" in refused["refused_by"]
    assert orders(stage) == [("entry", 1, "filled")]


def test_what_was_sold_is_not_sold_again_while_no_read_shows_it(stage: Stage) -> None:
    """The second sale would be one of contracts that somebody else bought by hand."""
    round_(stage, *ORDERS, *LEDGER)
    with client_of(stage.place.api_url, Path(stage.place.key)) as client:
        by_hand = order_body("bid", "0.60", "5") | {"client_order_id": "by-hand"}
        client._connection.write_once("POST", "/portfolio/events/orders", json=by_hand)
    round_(stage, *LEDGER)
    killed_round(stage, ANSWER_COMMITTED, "flatten")
    stage.troubles.begin("reads 60 s old")
    round_(stage, "flatten", *LEDGER)
    stage.troubles.end()
    round_(stage, "flatten", *LEDGER)

    assert orders(stage) == [("entry", 1, "filled"), ("exit", 1, "filled")]
    assert stage.exchange.ledger.position("me", TICKER).position == 500
    proof.check(stage)


def test_a_signal_whose_purchase_was_sold_buys_nothing_more(stage: Stage) -> None:
    round_(stage, *ORDERS, *LEDGER)
    round_(stage, "flatten", *LEDGER)
    assert stage.exchange.ledger.position("me", TICKER).position == 0

    round_(stage, *ORDERS, *LEDGER)

    [*_, last] = stage.rows("SELECT * FROM kalshi.decisions ORDER BY judged_at")
    assert last["refused_by"] == ["attempts"]
    assert orders(stage) == [("entry", 1, "filled"), ("exit", 1, "filled")]
