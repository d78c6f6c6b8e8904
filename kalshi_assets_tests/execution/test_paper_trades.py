"""Resting paper orders and public trades, over a real local exchange on a real Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from kalshi_assets.domain.price import contracts, dollars
from kalshi_assets.errors import NotFound, Rejected
from kalshi_assets_tests.execution.paper_bench import (
    START,
    PaperBench,
    deci_cent_tape,
    paper_bench,
)
from kalshi_assets_tests.local_exchange.bench import TICKER, ScriptedTape, listing
from kalshi_assets_tests.stand import DatabaseMaker

ASKS = [("0.52", "3")]


@pytest.fixture
def tape() -> ScriptedTape:
    """A market quoted 0.47 / 0.52, three contracts on each side, to be scripted further."""
    return ScriptedTape()


@pytest.fixture
def paper(make_database: DatabaseMaker, tape: ScriptedTape) -> Iterator[PaperBench]:
    """A bench on the test's own tape."""
    with paper_bench(make_database(), tape) as bench:
        yield bench


def test_an_order_waits_for_those_who_are_shown_at_its_price(
    paper: PaperBench, tape: ScriptedTape
) -> None:
    for second, size in enumerate(["2", "1", "1.50", "9"], start=1):
        tape.trade("ask", "0.47", size, at=10 * second)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(25)
    assert paper.listed(order_id).fill_count == 0, "three stood there before"
    paper.floor.wait(10)
    assert paper.listed(order_id).fill_count == 150
    paper.floor.wait(10)
    assert [(f.count, f.yes_price) for f in paper.venue.fills()] == [(150, 470_000), (250, 470_000)]


def test_a_trade_through_the_limit_passes_no_queue(paper: PaperBench, tape: ScriptedTape) -> None:
    tape.trade("ask", "0.46", "2", at=10)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(20)
    assert paper.listed(order_id).fill_count == 200, "as many as were traded"


@pytest.mark.parametrize(
    ("taker", "price"),
    [("bid", "0.46"), ("bid", "0.47"), ("ask", "0.48"), ("ask", "0.52")],
)
def test_a_trade_that_never_came_to_the_order_fills_nothing(
    paper: PaperBench, tape: ScriptedTape, taker: str, price: str
) -> None:
    tape.trade(taker, price, "99", at=10)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(20)
    assert paper.listed(order_id).fill_count == 0


def test_an_order_for_no_is_met_by_buyers_of_yes(paper: PaperBench, tape: ScriptedTape) -> None:
    tape.trade("ask", "0.53", "9", at=10)
    tape.trade("bid", "0.51", "9", at=11)
    tape.trade("bid", "0.52", "4", at=20)
    tape.trade("bid", "0.53", "2", at=30)
    order_id = paper.buy("no", "0.48", "9").order_id  # an offer of YES at 0.52, behind three
    paper.floor.wait(25)
    assert paper.listed(order_id).fill_count == 100
    paper.floor.wait(10)
    assert paper.listed(order_id).fill_count == 300
    assert {fill.yes_price for fill in paper.venue.fills()} == {520_000}


def test_only_trades_within_an_orders_life_count_however_late_the_look(
    paper: PaperBench, tape: ScriptedTape
) -> None:
    tape.trade("ask", "0.40", "9", at=0)  # at the very moment it came to rest
    tape.trade("ask", "0.40", "1", at=179.9)
    tape.trade("ask", "0.40", "9", at=180)
    order_id = paper.buy("yes", "0.45", "4").order_id
    paper.floor.wait(3 * 3600)
    order = paper.listed(order_id)
    assert (order.status, order.fill_count) == ("canceled", 100)
    [fill] = paper.venue.fills()
    assert paper.now - fill.filled_at == timedelta(hours=3) - timedelta(seconds=179.9)


def test_trades_after_the_close_count_for_nothing(make_database: DatabaseMaker) -> None:
    tape = ScriptedTape({TICKER: listing(close_ms=listing().open_ms + 24 * 3_600_000 + 60_000)})
    tape.trade("ask", "0.40", "1", at=59)
    tape.trade("ask", "0.40", "1", at=60)
    with paper_bench(make_database(), tape) as paper:
        order_id = paper.buy("yes", "0.45", "4").order_id
        paper.floor.wait(90)
        order = paper.listed(order_id)
        assert (order.status, order.fill_count) == ("canceled", 100)


def test_the_queue_is_no_longer_than_what_is_shown(paper: PaperBench, tape: ScriptedTape) -> None:
    tape.quote(bids=[("0.47", "1")], asks=ASKS, at=20)  # two of three cancelled
    tape.quote(bids=[("0.47", "9")], asks=ASKS, at=40)  # others came, behind
    tape.trade("ask", "0.47", "3", at=50)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(30)
    assert paper.listed(order_id).fill_count == 0
    paper.floor.wait(30)
    assert paper.listed(order_id).fill_count == 200


def test_a_level_that_was_not_seen_smaller_keeps_its_queue(
    paper: PaperBench, tape: ScriptedTape
) -> None:
    tape.quote(bids=[("0.47", "9")], asks=ASKS, at=40)
    tape.trade("ask", "0.47", "3", at=50)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(60)
    assert paper.listed(order_id).fill_count == 0


def test_own_orders_share_a_trade_by_price_then_time(paper: PaperBench, tape: ScriptedTape) -> None:
    tape.trade("ask", "0.47", "5", at=10)  # the best price, three strangers, the first
    tape.trade("ask", "0.47", "3", at=20)
    first = paper.buy("yes", "0.47", "3").order_id
    paper.floor.wait(1)
    second = paper.buy("yes", "0.47", "3").order_id
    best = paper.buy("yes", "0.48", "1").order_id
    paper.floor.wait(10)
    filled = {order.order_id: order.fill_count for order in paper.venue.orders()}
    assert filled == {best: 100, first: 100, second: 0}
    paper.floor.wait(10)
    filled = {order.order_id: order.fill_count for order in paper.venue.orders()}
    assert filled == {best: 100, first: 300, second: 100}


def test_a_cancel_comes_after_the_trades_before_it(paper: PaperBench, tape: ScriptedTape) -> None:
    tape.trade("ask", "0.44", "1", at=10)
    order_id = paper.buy("yes", "0.45", "4").order_id
    paper.floor.wait(20)
    assert paper.venue.cancel_order(order_id, market_ticker=TICKER).reduced_by == 300
    assert paper.listed(order_id).fill_count == 100


def test_another_expiry_keeps_the_place_and_a_new_price_loses_it(
    paper: PaperBench, tape: ScriptedTape
) -> None:
    tape.trade("ask", "0.47", "3", at=10)
    tape.trade("ask", "0.47", "1", at=190)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(170)
    renewed = paper.now + timedelta(seconds=180)
    ack = paper.venue.amend_order(paper.amendment(order_id, "yes", "0.47", "4", expiry=renewed))
    assert (ack.fill_count, ack.remaining_count) == (None, None)
    paper.floor.wait(30)
    order = paper.listed(order_id)
    assert (order.status, order.fill_count, order.expires_at) == ("resting", 100, renewed)


@pytest.mark.parametrize(("size", "filled"), [("4", 100), ("2", 100), ("5", 0)])
def test_a_larger_size_goes_to_the_end_of_the_queue(
    paper: PaperBench, tape: ScriptedTape, size: str, filled: int
) -> None:
    tape.trade("ask", "0.47", "3", at=10)
    tape.trade("ask", "0.47", "1", at=30)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(20)
    paper.venue.amend_order(paper.amendment(order_id, "yes", "0.47", size))
    paper.floor.wait(20)
    order = paper.listed(order_id)
    assert (order.fill_count, order.initial_count) == (filled, int(size) * 100)


def test_an_amended_price_may_cross(paper: PaperBench) -> None:
    order_id = paper.buy("yes", "0.47", "4").order_id
    ack = paper.venue.amend_order(paper.amendment(order_id, "yes", "0.52", "4"))
    assert (ack.fill_count, ack.remaining_count) == (300, 100)
    [fill] = paper.venue.fills()
    assert (fill.is_taker, fill.yes_price) == (True, 520_000)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "no"}, "order_side_mismatch"),
        ({"limit_price": 475_000}, "invalid_price"),
        ({"expiry": "never"}, "unsupported_on_paper"),
        ({"new_client_order_id": "other"}, "unsupported_on_paper"),
        ({"client_order_id": "other"}, "order_id_and_client_order_id_mismatch"),
        ({"remaining_count": 99_999_900}, "insufficient_balance"),
        ({"order_id": "paper-other"}, "not_found"),
        ({"market_ticker": "KXTEST-26OCT-T2"}, "market_not_found"),
    ],
)
def test_a_refused_amendment_changes_nothing(
    paper: PaperBench, changes: dict[str, Any], code: str
) -> None:
    order_id = paper.buy("yes", "0.47", "4").order_id
    before = paper.listed(order_id)
    with pytest.raises((Rejected, NotFound)) as refused:
        paper.venue.amend_order(replace(paper.amendment(order_id, "yes", "0.48", "4"), **changes))
    assert refused.value.code == code
    assert paper.listed(order_id) == before


def test_an_amendment_counts_what_was_filled_meanwhile(
    paper: PaperBench, tape: ScriptedTape
) -> None:
    tape.trade("ask", "0.46", "2", at=10)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(20)
    with pytest.raises(Rejected, match="invalid_order_size"):
        paper.venue.amend_order(paper.amendment(order_id, "yes", "0.47", "1"))
    ack = paper.venue.amend_order(paper.amendment(order_id, "yes", "0.47", "2"))
    assert (ack.fill_count, ack.remaining_count) == (0, 0)
    order = paper.listed(order_id)
    assert (order.status, order.fill_count, order.initial_count) == ("canceled", 200, 200)


def test_an_expiry_that_is_over_cannot_be_renewed(paper: PaperBench) -> None:
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(180)
    renewed = paper.now + timedelta(seconds=180)
    with pytest.raises(NotFound):
        paper.venue.amend_order(paper.amendment(order_id, "yes", "0.47", "4", expiry=renewed))


@pytest.mark.parametrize("reduction", [{"reduce_by": 300}, {"reduce_to": 100}])
def test_a_smaller_order_keeps_its_place(
    paper: PaperBench, tape: ScriptedTape, reduction: dict[str, int]
) -> None:
    tape.trade("ask", "0.47", "3", at=10)
    tape.trade("ask", "0.47", "9", at=30)
    order_id = paper.buy("yes", "0.47", "4").order_id
    paper.floor.wait(20)
    ack = paper.venue.decrease_order(order_id, market_ticker=TICKER, **reduction)
    assert ack.remaining_count == 100
    paper.floor.wait(20)
    order = paper.listed(order_id)
    assert (order.status, order.fill_count) == ("executed", 100)


def test_a_decrease_to_nothing_ends_the_order(paper: PaperBench) -> None:
    order_id = paper.buy("yes", "0.47", "4").order_id
    with pytest.raises(Rejected, match="invalid_order_size"):
        paper.venue.decrease_order(order_id, market_ticker=TICKER, reduce_to=500)
    ack = paper.venue.decrease_order(order_id, market_ticker=TICKER, reduce_by=900)
    assert ack.remaining_count == 0
    assert paper.listed(order_id).status == "canceled"


def test_an_order_that_never_rests_takes_what_is_shown_and_ends(paper: PaperBench) -> None:
    assert paper.take("yes", "0.53", "10") == 300
    assert paper.take("yes", "0.53", "10") == 0
    assert [order.status for order in paper.venue.orders()] == ["canceled", "canceled"]


def test_a_reduce_only_order_closes_no_more_than_is_held(paper: PaperBench) -> None:
    paper.buy("yes", "0.52", "2")
    paper.cash = START - paper.venue.balance().cash_micros  # nothing is left
    assert paper.take("no", "0.53", "3", is_reduce_only=True) == 200
    assert paper.venue.positions() == []
    paper.floor.wait(1)
    assert paper.take("no", "0.53", "3", is_reduce_only=True) == 0, "nothing to reduce"
    newest = paper.venue.orders()[0]
    assert (newest.status, newest.fill_count, newest.remaining_count) == ("canceled", 0, 0)
    assert paper.take("yes", "0.53", "1", is_reduce_only=True) == 0


def test_reads_are_as_far_as_a_write_at_once(paper: PaperBench) -> None:
    ack = paper.buy("yes", "0.47", "4")
    assert paper.venue.await_reads(ack.acknowledged_at, within_seconds=0)


FEE_TYPES = ["quadratic", "quadratic_with_maker_fees", "quadratic_with_combo_maker_fees"]


@pytest.mark.parametrize("fee_type", FEE_TYPES)
def test_fills_cost_to_the_last_micro_what_they_cost_at_the_exchange(
    make_database: DatabaseMaker, fee_type: str
) -> None:
    tape = deci_cent_tape(fee_type, Fraction(1, 2))
    tape.quote(
        bids=[("0.40", "9")],
        asks=[("0.500", "0.01"), ("0.501", "0.03"), ("0.503", "0.37")],
        at=0,
    )
    with paper_bench(make_database(), tape) as paper:
        paper.buy("yes", "0.503", "2")
        paper.floor.me.rest("bid", "0.5030", "2.00")
        for size in ("0.01", "0.01", "0.11", "0.02", "1"):
            # another account sells to the exchange's order; its trades are public, and fill ours
            paper.floor.wait(1)
            paper.floor.you.rest("ask", "0.5030", size)
        paper.floor.wait(1)
        theirs = paper.floor.me.get("/portfolio/fills")["fills"][::-1]
        ours = paper.venue.fills()
        assert len(ours) == len(theirs) == 8
        assert [(contracts(f.count), dollars(f.fee_micros)) for f in ours] == [
            (Decimal(f["count_fp"]), Decimal(f["fee_cost"])) for f in theirs
        ]
        assert dollars(paper.venue.balance().cash_micros) == Decimal(paper.floor.me.cash())


def test_strangers_ahead_of_two_own_orders_trade_once(
    paper: PaperBench, tape: ScriptedTape
) -> None:
    tape.trade("ask", "0.47", "9", at=10)
    first = paper.buy("yes", "0.47", "3").order_id
    paper.floor.wait(1)
    second = paper.buy("yes", "0.47", "3").order_id
    paper.floor.wait(10)
    filled = {order.order_id: order.fill_count for order in paper.venue.orders()}
    assert filled == {first: 300, second: 300}, "three strangers, then six of ours"
