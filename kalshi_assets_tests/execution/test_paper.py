"""The paper venue on a real Postgres, over a local exchange that it reads without a key."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import text

from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.errors import DuplicateOrder, ExchangeError, NotFound, Rejected
from kalshi_assets.execution.venue import Venue
from kalshi_assets_tests.execution.paper_bench import (
    START,
    PaperBench,
    deci_cent_tape,
    paper_bench,
    tape_with,
)
from kalshi_assets_tests.local_exchange.bench import TICKER, ScriptedTape, listing
from kalshi_assets_tests.stand import DatabaseMaker

BIDS = [("0.47", "3")]


@pytest.fixture
def paper(make_database: DatabaseMaker) -> Iterator[PaperBench]:
    """A market quoted 0.47 / 0.52, three contracts on each side; 5,000 USD on paper."""
    with paper_bench(make_database()) as bench:
        yield bench


@pytest.fixture
def tape() -> ScriptedTape:
    """A tape to be scripted before `scripted` runs it."""
    return ScriptedTape()


@pytest.fixture
def scripted(make_database: DatabaseMaker, tape: ScriptedTape) -> Iterator[PaperBench]:
    """A bench on the test's own tape."""
    with paper_bench(make_database(), tape) as bench:
        yield bench


def test_it_is_a_venue(paper: PaperBench) -> None:
    venue: Venue = paper.venue
    assert venue.exchange_status().is_trading_active
    assert [s.market.ticker for s in venue.markets(tickers=[TICKER]).snapshots] == [TICKER]


def test_an_untouched_account_has_its_starting_cash_as_of_now(paper: PaperBench) -> None:
    balance = paper.venue.balance()
    assert (balance.cash_micros, balance.as_of) == (START, paper.now)
    assert paper.venue.positions() == []
    assert_nothing_ordered(paper)


def test_buying_walks_the_displayed_levels_and_the_rest_rests(
    scripted: PaperBench, tape: ScriptedTape
) -> None:
    tape.quote(bids=BIDS, asks=[("0.52", "3"), ("0.53", "5"), ("0.55", "9")], at=0)
    ack = scripted.buy("yes", "0.53", "10")
    assert (ack.fill_count, ack.remaining_count) == (800, 200)
    assert scripted.prices() == [("yes", 52, 3), ("yes", 53, 5)]
    order = scripted.listed(ack.order_id)
    assert (order.status, order.yes_price, order.fill_count) == ("resting", 530_000, 800)
    # 3 x 0.52 + 5 x 0.53, and ceil(0.07 x 3 x 0.52 x 0.48), ceil(0.07 x 5 x 0.53 x 0.47) to 0.0001
    assert order.fees_micros == 52_500 + 87_200
    assert scripted.venue.balance().cash_micros == START - 4_210_000 - 139_700
    [position] = scripted.venue.positions()
    assert (position.position, position.exposure_micros) == (800, 4_210_000)
    assert scripted.order_writes() == 0


def test_buying_no_hits_the_yes_bids(paper: PaperBench) -> None:
    ack = paper.buy("no", "0.55", "2")
    [fill] = paper.venue.fills()
    assert (fill.side, fill.yes_price, fill.count, fill.is_taker) == ("no", 470_000, 200, True)
    assert paper.listed(ack.order_id).yes_price == 450_000
    assert paper.venue.positions()[0].position == -200


def test_a_fraction_of_a_contract_leaves_the_cash_on_its_step(paper: PaperBench) -> None:
    paper.buy("yes", "0.52", "0.01")
    cash = paper.venue.balance().cash_micros
    assert cash % 100 == 0
    assert START - cash >= 5_200 + 175


@pytest.mark.parametrize(
    ("fee_type", "fee"),
    [("quadratic", 0), ("quadratic_with_maker_fees", 17_500)],
)
def test_a_resting_order_fills_at_its_limit_when_a_trade_prints_through(
    make_database: DatabaseMaker, fee_type: str, fee: int
) -> None:
    tape = tape_with(fee_type)
    tape.trade("ask", "0.49", "9", at=60)
    with paper_bench(make_database(), tape) as paper:
        ack = paper.buy("yes", "0.50", "4")
        assert ack.remaining_count == 400
        paper.floor.wait(59)
        assert paper.listed(ack.order_id).status == "resting"
        paper.floor.wait(21)
        assert paper.listed(ack.order_id).status == "executed"
        [fill] = paper.venue.fills()
        assert (fill.yes_price, fill.count, fill.is_taker) == (500_000, 400, False)
        assert paper.now - fill.filled_at == timedelta(seconds=20), "when it was traded"
        assert fill.fee_micros == fee, "of 4 x 0.50 x 0.50"
        assert paper.venue.balance().cash_micros == START - 2_000_000 - fee


def test_what_is_displayed_never_fills_a_resting_order(
    scripted: PaperBench, tape: ScriptedTape
) -> None:
    tape.quote(bids=BIDS, asks=[("0.48", "9")], at=60)
    ack = scripted.buy("yes", "0.50", "4")
    scripted.floor.wait(60)
    order = scripted.listed(ack.order_id)
    assert (order.status, order.fill_count) == ("resting", 0)


def test_an_order_that_the_price_never_reaches_expires(
    scripted: PaperBench, tape: ScriptedTape
) -> None:
    tape.trade("ask", "0.49", "9", at=180)
    ack = scripted.buy("yes", "0.50", "4")
    scripted.floor.wait(179.9)
    assert scripted.listed(ack.order_id).status == "resting"
    scripted.floor.wait(0.1)
    order = scripted.listed(ack.order_id)
    assert (order.status, order.fill_count, order.remaining_count) == ("canceled", 0, 0)
    assert scripted.venue.balance().cash_micros == START


def test_displayed_contracts_are_sold_to_paper_once_while_they_stand(
    scripted: PaperBench, tape: ScriptedTape
) -> None:
    tape.quote(bids=BIDS, asks=[("0.52", "10")], at=0)
    tape.quote(bids=BIDS, asks=[("0.52", "4")], at=10)
    tape.quote(bids=BIDS, asks=[("0.52", "9")], at=20)
    tape.quote(bids=BIDS, asks=[("0.53", "9")], at=30)
    tape.quote(bids=BIDS, asks=[("0.52", "9")], at=40)
    assert scripted.buy("yes", "0.52", "6").fill_count == 600
    assert scripted.buy("yes", "0.52", "9").fill_count == 400, "ten were displayed"
    scripted.floor.wait(10)
    assert scripted.take("yes", "0.52", "20") == 0, "of ten taken, four are still displayed"
    scripted.floor.wait(10)
    assert scripted.take("yes", "0.52", "20") == 500, "five are new"
    scripted.floor.wait(10)
    assert scripted.take("yes", "0.52", "20") == 0, "the level is gone"
    scripted.floor.wait(10)
    assert scripted.take("yes", "0.52", "20") == 900, "it is back, with nine others"


def test_a_client_order_id_is_used_once_and_never_freed(paper: PaperBench) -> None:
    request = paper.request("yes", "0.50", "1")
    ack = paper.venue.create_order(request)
    with pytest.raises(DuplicateOrder):
        paper.venue.create_order(request)
    paper.venue.cancel_order(ack.order_id, market_ticker=TICKER)
    with pytest.raises(DuplicateOrder):
        paper.venue.create_order(replace(request, limit_price=520_000))
    assert [order.status for order in paper.venue.orders()] == ["canceled"]
    assert paper.venue.fills() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"limit_price": 525_000}, "invalid_price"),
        ({"limit_price": 1_000_000}, "invalid_price"),
        ({"limit_price": 0}, "invalid_price"),
        ({"count": 0}, "invalid_order_size"),
        ({"count": -100}, "invalid_order_size"),
        ({"count": 1_000_000}, "insufficient_balance"),
        ({"market_ticker": "KXTEST-26OCT-T2"}, ""),
    ],
)
def test_a_refused_order_leaves_nothing_behind(
    paper: PaperBench, changes: dict[str, Any], code: str
) -> None:
    request = paper.request(**changes)
    with pytest.raises((Rejected, NotFound)) as refused:
        paper.venue.create_order(request)
    assert not code or refused.value.code == code
    assert_nothing_ordered(paper)
    assert paper.buy("yes", "0.52", "1", client_order_id=request.client_order_id).fill_count == 100


def test_an_order_that_expires_in_the_running_second_is_refused(paper: PaperBench) -> None:
    with pytest.raises(Rejected, match="expires"):
        paper.buy("yes", "0.52", "1", expires_at=paper.now + timedelta(milliseconds=900))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kalshi.series SET fee_type = 'flat'",
        "UPDATE kalshi.series SET fee_type = ''",
        "UPDATE kalshi.series SET fee_multiplier = -1",
        "DELETE FROM kalshi.series",
    ],
)
def test_fee_terms_that_are_not_known_refuse(paper: PaperBench, change: str) -> None:
    with paper.database.transaction() as connection:
        connection.execute(text(change))
    with pytest.raises(Rejected, match="fee_terms_unknown"):
        paper.buy("yes", "0.52", "1")


def test_resting_orders_hold_their_cost_back(paper: PaperBench) -> None:
    paper.cash = micros("10")
    resting = paper.buy("yes", "0.40", "20")
    with pytest.raises(Rejected, match="insufficient_balance"):
        paper.buy("yes", "0.41", "5")
    assert paper.venue.balance().cash_micros == paper.cash, "the balance states the cash itself"
    paper.venue.cancel_order(resting.order_id, market_ticker=TICKER)
    assert paper.buy("yes", "0.41", "5").remaining_count == 500


def test_an_expired_order_holds_nothing_back(paper: PaperBench) -> None:
    paper.cash = micros("10")
    paper.buy("yes", "0.40", "20")
    paper.floor.wait(180)
    assert paper.buy("yes", "0.41", "20").remaining_count == 2000


def test_fees_count_towards_what_an_order_costs(paper: PaperBench) -> None:
    paper.cash = micros("1.0574")
    with pytest.raises(Rejected, match="insufficient_balance"):
        paper.buy("yes", "0.52", "2")
    paper.cash = micros("1.0750")
    assert paper.buy("yes", "0.52", "2").fill_count == 200
    assert paper.venue.balance().cash_micros == micros("0.0000") + 1_075_000 - 1_040_000 - 35_000


def test_an_order_is_covered_at_its_limit_whatever_its_fills_may_cost(paper: PaperBench) -> None:
    paper.cash = micros("10")
    paper.buy("yes", "0.40", "20")
    with pytest.raises(Rejected, match="insufficient_balance"):
        paper.buy("yes", "0.90", "2")
    assert paper.buy("yes", "0.52", "2").fill_count == 200


@pytest.mark.parametrize("resting", ["0", "8"])
def test_the_rounding_of_each_fill_is_covered_too(
    make_database: DatabaseMaker, resting: str
) -> None:
    tape = deci_cent_tape(multiplier=Fraction(0))
    asks = [("0.501", "0.01"), ("0.502", "0.01"), ("0.503", "0.01")]
    tape.quote(bids=BIDS, asks=asks, at=0)
    with paper_bench(make_database(), tape) as paper:
        paper.cash = micros("0.0152") + micros(resting)  # three fills cost 0.0051 each
        if paper.cash > micros("1"):
            paper.buy("yes", "0.400", "20")
        with pytest.raises(Rejected, match="insufficient_balance"):
            paper.buy("yes", "0.503", "0.03")
        paper.cash += micros("0.0001")
        assert paper.buy("yes", "0.503", "0.03").fill_count == 3
        assert paper.venue.balance().cash_micros == micros(resting)


def test_a_resting_order_that_cash_no_longer_covers_is_cancelled(
    make_database: DatabaseMaker,
) -> None:
    tape = deci_cent_tape("quadratic_with_maker_fees")
    for second in range(1, 11):  # one hundredth of a contract more at each trade
        tape.trade("ask", "0.500", "0.01", at=10 * second)
    with paper_bench(make_database(), tape) as paper:
        paper.cash = micros("0.0519")  # ten fills cost 0.0051 or 0.0052 each
        ack = paper.buy("yes", "0.501", "0.10")
        paper.cash -= micros("0.0010")
        for _ in range(10):
            paper.floor.wait(10)
            order = paper.listed(ack.order_id)
        assert (order.status, order.fill_count) == ("canceled", 9)
        assert 0 <= paper.venue.balance().cash_micros < micros("0.0052")


def test_a_market_that_is_over_takes_no_order_and_ends_those_it_has(paper: PaperBench) -> None:
    paper.floor.wait(4 * 3600 - 60)
    ack = paper.buy("yes", "0.40", "1")
    paper.floor.wait(60)
    assert paper.listed(ack.order_id).status == "canceled"
    with pytest.raises(Rejected) as refused:
        paper.buy("yes", "0.52", "1")
    assert refused.value.code == "MARKET_NOT_ACTIVE"


def test_in_the_weekly_pause_nothing_is_taken_and_nothing_filled(
    make_database: DatabaseMaker,
) -> None:
    hours = 41.5  # from Tuesday 09:30 to Thursday 03:00 New York
    tape = ScriptedTape({TICKER: listing(close_ms=listing().close_ms + 100 * 3_600_000)})
    tape.quote(bids=BIDS, asks=[("0.40", "9")], at=hours * 3600 + 10)
    with paper_bench(make_database(), tape) as paper:
        paper.floor.wait(hours * 3600 - 30)
        ack = paper.buy("yes", "0.50", "1")
        paper.floor.wait(60)
        assert paper.listed(ack.order_id).fill_count == 0
        with pytest.raises(Rejected) as refused:
            paper.buy("yes", "0.52", "1")
        assert refused.value.code == "trading_is_paused"


@pytest.mark.parametrize(
    ("operation", "is_of_every_look"),
    [
        ("GetMarketOrderbook", True),
        ("GetMarkets", True),
        ("GetTrades", True),
        ("GetHistoricalCutoff", True),
        ("GetExchangeStatus", False),
    ],
)
def test_what_cannot_be_read_orders_and_changes_nothing(
    make_database: DatabaseMaker, operation: str, *, is_of_every_look: bool
) -> None:
    broken, met = set[str](), set[str]()

    async def fail(request, endpoint, proceed):
        response = await proceed()
        if endpoint.operation in broken:
            met.add(endpoint.operation)
            response.status_code = 502
        return response

    tape = ScriptedTape()
    tape.trade("ask", "0.39", "1", at=10)
    with paper_bench(make_database(), tape, interceptor=fail) as paper:
        resting = paper.buy("yes", "0.40", "2").order_id
        paper.floor.wait(20)
        broken.add(operation)
        with pytest.raises(Rejected, match="nothing was ordered"):
            paper.buy("yes", "0.52", "1")
        with pytest.raises(Rejected, match="nothing was ordered"):
            paper.venue.amend_order(paper.amendment(resting, "yes", "0.40", "1"))
        if is_of_every_look:
            with pytest.raises(ExchangeError):
                paper.venue.balance()
            with pytest.raises(Rejected, match="nothing was ordered"):
                paper.venue.cancel_order(resting, market_ticker=TICKER)
        assert met == broken
        broken.clear()
        [order] = paper.venue.orders()
        assert (order.status, order.fill_count, order.remaining_count) == ("resting", 100, 100)


def test_buying_the_other_side_closes_and_pays_a_dollar_a_pair(
    scripted: PaperBench, tape: ScriptedTape
) -> None:
    tape.quote(bids=[("0.60", "9")], asks=[("0.61", "9")], at=10)
    scripted.buy("yes", "0.52", "3")
    paid = START - scripted.venue.balance().cash_micros
    scripted.floor.wait(10)
    scripted.buy("no", "0.40", "5")
    [position] = scripted.venue.positions()
    assert (position.position, position.exposure_micros) == (-200, 800_000)
    assert position.realized_pnl_micros == 3 * (600_000 - 520_000)
    fee = scripted.venue.fills()[-1].fee_micros
    cash = START - paid + 3 * 600_000 - 2 * 400_000 - fee
    assert scripted.venue.balance().cash_micros == cash


def test_a_position_can_be_left_without_cash(paper: PaperBench) -> None:
    paper.cash = micros("1.6125")
    paper.buy("yes", "0.52", "3")
    assert paper.venue.balance().cash_micros == 0
    assert paper.buy("no", "0.53", "3").fill_count == 300
    assert paper.venue.positions() == []
    assert paper.venue.balance().cash_micros == 3 * 470_000 - 52_400


def test_one_order_cannot_lean_on_contracts_another_will_close(paper: PaperBench) -> None:
    paper.cash = micros("1.6125")
    paper.buy("yes", "0.52", "3")
    assert paper.buy("no", "0.40", "3").remaining_count == 300
    with pytest.raises(Rejected, match="insufficient_balance"):
        paper.buy("no", "0.41", "1")


def test_paper_orders_never_trade_with_each_other(scripted: PaperBench, tape: ScriptedTape) -> None:
    tape.quote(bids=BIDS, asks=[("0.52", "1"), ("0.56", "9")], at=0)
    scripted.buy("no", "0.46", "2")  # offers YES at 0.54
    ack = scripted.buy("yes", "0.58", "3")
    assert (ack.fill_count, ack.remaining_count) == (100, 0)
    assert scripted.listed(ack.order_id).status == "canceled"


def test_a_cancel_takes_the_rest_off_once(paper: PaperBench) -> None:
    ack = paper.buy("yes", "0.52", "5")
    with pytest.raises(NotFound):
        paper.venue.cancel_order(ack.order_id, market_ticker="KXTEST-26OCT-T2")
    assert paper.venue.cancel_order(ack.order_id, market_ticker=TICKER).reduced_by == 200
    with pytest.raises(NotFound):
        paper.venue.cancel_order(ack.order_id, market_ticker=TICKER)
    order = paper.listed(ack.order_id)
    assert (order.status, order.fill_count, order.remaining_count) == ("canceled", 300, 0)


def test_a_cancel_of_an_expired_order_finds_none(paper: PaperBench) -> None:
    ack = paper.buy("yes", "0.40", "5")
    paper.floor.wait(180)
    with pytest.raises(NotFound):
        paper.venue.cancel_order(ack.order_id, market_ticker=TICKER)
    assert paper.listed(ack.order_id).status == "canceled"


@pytest.mark.parametrize(("side", "price", "won"), [("yes", "0.52", 2_000_000), ("no", "0.53", 0)])
def test_a_held_market_pays_out_once_when_it_is_final(
    paper: PaperBench, side: str, price: str, won: int
) -> None:
    paper.buy(side, price, "2")  # type: ignore[arg-type]  # a literal of the list above
    before = paper.venue.balance().cash_micros
    paper.floor.wait(5.5 * 3600)
    assert paper.venue.settlements() == [], "a result may change until the market is final"
    paper.floor.wait(0.5 * 3600)
    for _ in range(2):
        [settlement] = paper.venue.settlements()
        assert (settlement.result, settlement.revenue_micros) == ("yes", won)
        assert settlement.yes_count + settlement.no_count == 200
        assert paper.venue.balance().cash_micros == before + won
        assert paper.venue.positions() == []


def test_lists_can_start_at_a_moment(paper: PaperBench) -> None:
    paper.buy("yes", "0.52", "1")
    paper.floor.wait(10)
    later = paper.now
    ack = paper.buy("yes", "0.52", "1")
    assert [o.order_id for o in paper.venue.orders(min_created_at=later)] == [ack.order_id]
    assert paper.venue.orders()[0].order_id == ack.order_id, "newest first"
    assert [f.order_id for f in paper.venue.fills(min_filled_at=later)] == [ack.order_id]
    assert paper.venue.settlements(min_settled_at=later) == []


def test_the_same_order_from_two_processes_is_accepted_once(paper: PaperBench) -> None:
    request = paper.request("yes", "0.52", "2")

    def send(_: int) -> str:
        try:
            return str(paper.venue.create_order(request).fill_count)
        except DuplicateOrder:
            return "duplicate"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(send, range(4)))
    assert answers == ["200", "duplicate", "duplicate", "duplicate"]
    assert paper.prices() == [("yes", 52, 2)]


def test_two_processes_never_get_more_than_is_displayed(paper: PaperBench) -> None:
    requests = [paper.request("yes", "0.52", "2") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        acks = list(pool.map(lambda r: paper.venue.create_order(r), requests))
        list(pool.map(lambda _: paper.venue.orders(), range(4)))
    assert sum(ack.fill_count for ack in acks) == centicontracts("3")
    assert sum(fill.count for fill in paper.venue.fills()) == centicontracts("3")


def test_a_process_that_dies_within_a_step_leaves_nothing_of_it(
    paper: PaperBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException): ...

    def die(*args: object) -> None:
        raise Death

    request = paper.request("yes", "0.52", "2")
    with monkeypatch.context() as patch:
        patch.setattr("kalshi_assets.storage.paper.save_taken_levels", die)
        with pytest.raises(Death):
            paper.venue.create_order(request)
    assert_nothing_ordered(paper)
    assert paper.venue.create_order(request).fill_count == 200


def assert_nothing_ordered(paper: PaperBench) -> None:
    assert paper.venue.orders() == []
    assert paper.venue.fills() == []


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ({"time_in_force": "fill_or_kill"}, "fill_or_kill"),
        ({"is_post_only": True}, "is_post_only"),
        ({"is_reduce_only": True}, "is_reduce_only"),
        ({"is_canceled_on_pause": True}, "is_canceled_on_pause"),
    ],
)
def test_a_condition_that_paper_does_not_keep_is_refused_and_nothing_is_kept(
    paper: PaperBench, condition: dict[str, Any], named: str
) -> None:
    request = paper.request("yes", "0.52", "1")
    with pytest.raises(Rejected, match=named) as refused:
        paper.venue.create_order(replace(request, **condition))
    assert refused.value.code == "unsupported_on_paper"
    assert paper.venue.orders() == []
    assert_nothing_ordered(paper)
    assert paper.venue.create_order(request).acknowledged_at == paper.now
