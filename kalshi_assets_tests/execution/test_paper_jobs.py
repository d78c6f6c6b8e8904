"""The order job with venue=paper: the whole path, without a key and without an order sent."""

import pytest

from kalshi_assets.domain.account import OrderAck, OrderRequest
from kalshi_assets.execution.paper import PaperVenue
from kalshi_assets_tests.stand import OVERREACTING, Stand


@pytest.fixture
def paper_stand(loaded_stand: Stand) -> Stand:
    """A loaded stand whose venue is paper, without a key."""
    loaded_stand.change(venue="paper", api_key_id=None, private_key_path=None)
    for name in ("KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PATH"):
        loaded_stand.patch.delenv(name)
    return loaded_stand


def test_the_overreacting_contract_is_bought_on_paper_once(paper_stand: Stand) -> None:
    paper_stand.judge_and_place()
    [order] = paper_stand.rows("SELECT * FROM kalshi.orders")
    assert (order["market_ticker"], order["side"]) == (OVERREACTING, "no")
    assert (order["status"], order["fill_count"]) == ("filled", order["count"])
    [fill] = paper_stand.rows("SELECT * FROM kalshi.fills")
    assert fill["client_order_id"] == order["client_order_id"]
    paid = fill["count"] * (1_000_000 - fill["yes_price"]) // 100 + fill["fee_micros"]
    assert 99_000_000 < paid <= 100_000_000, "2 % of 5,000 USD, fees included, and hardly less"
    [portfolio] = paper_stand.rows("SELECT * FROM kalshi.portfolio")
    assert portfolio["cash_micros"] == 5_000_000_000 - paid

    before = paper_stand.contents("orders") + paper_stand.contents("paper_fills")
    paper_stand.judge_and_place()
    assert paper_stand.contents("orders") + paper_stand.contents("paper_fills") == before
    seen = paper_stand.seen_by_exchange()
    assert seen["order_writes"] == [], "paper sends nothing"


def test_starting_cash_is_a_setting(paper_stand: Stand) -> None:
    paper_stand.change(paper_cash_usd="250.50")
    with paper_stand.desk() as desk:
        assert desk.venue.balance().cash_micros == 250_500_000


def test_an_order_whose_answer_was_lost_is_found_and_not_sent_again(paper_stand: Stand) -> None:
    real = PaperVenue.create_order

    def create_and_die(venue: PaperVenue, request: OrderRequest) -> OrderAck:
        real(venue, request)
        raise RuntimeError("the process ends here")

    with paper_stand.patch.context() as patch:
        patch.setattr(PaperVenue, "create_order", create_and_die)
        paper_stand.judge_and_place(expect_success=False)
    [left] = paper_stand.rows("SELECT status FROM kalshi.orders")
    assert left["status"] == "intent"

    paper_stand.judge_and_place()
    [order] = paper_stand.rows("SELECT * FROM kalshi.orders")
    [held] = paper_stand.rows("SELECT * FROM kalshi.paper_orders")
    assert (order["status"], order["venue_order_id"]) == ("filled", held["order_id"])
    assert order["fill_count"] == held["fill_count"]


def test_a_held_market_is_settled_by_the_reconcile_job(paper_stand: Stand) -> None:
    paper_stand.judge_and_place()
    [position] = paper_stand.rows("SELECT * FROM kalshi.positions")
    paper_stand.later(31 * 86_400)
    paper_stand.run("reconcile_job")
    [settlement] = paper_stand.rows("SELECT * FROM kalshi.settlements")
    assert settlement["result"] == "no"
    assert settlement["revenue_micros"] == -position["position"] * 10_000
    newest = paper_stand.rows("SELECT * FROM kalshi.portfolio ORDER BY as_of DESC LIMIT 1")[0]
    assert (newest["open_positions"], newest["positions_value_micros"]) == (0, 0)
