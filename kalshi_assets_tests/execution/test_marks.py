"""What is held of a market that has stopped trading keeps its worth until it is paid."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.domain.account import Position
from kalshi_assets.domain.market import MarketSnapshot
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.execution import account
from kalshi_assets.execution.books import open_books
from kalshi_assets.execution.marks import Mark, marks_of
from kalshi_assets.execution.upkeep import check_daily_loss
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets.storage.account import RecordedBid
from kalshi_assets.storage.journal import read_books, sell_prices
from kalshi_assets_tests.execution.desk_bench import DeskBench, desk_bench
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER, ScriptedTape, listing
from kalshi_assets_tests.risk.cases import MARKET, NOW, QUOTE
from kalshi_assets_tests.stand import DatabaseMaker

MINUTE, HOUR, DAY = 60, 3_600, 86_400
BOUGHT = 1_000  # contracts, for 520 dollars of 5,000
AT_THE_BID = BOUGHT * 500_000
HELD = Position(MARKET.ticker, 1_000, 0, 0, 0)
BID, ASK = 680_000, 700_000  # of QUOTE


@pytest.fixture
def bench(make_database: DatabaseMaker, tmp_path: Path) -> Iterator[DeskBench]:
    """A desk with a tenth of its money in one market, which closes in 4 and is paid in 96 hours."""
    listings = {
        TICKER: listing(determined_ms=NOON_MS + 72 * HOUR_MS, settled_ms=NOON_MS + 96 * HOUR_MS)
    }
    tape = ScriptedTape(listings)
    tape.quote(bids=[("0.50", "2000")], asks=[("0.52", "2000")], at=-1)
    with desk_bench(make_database(), tmp_path, tape=tape) as made:
        open_books(made.desk)
        look(made)
        assert made.buy("yes", "0.52", str(BOUGHT)).status == "filled"
        look_after(made, MINUTE)
        assert worth(made)["positions_value_micros"] == AT_THE_BID
        yield made


def look(bench: DeskBench) -> bool:
    """Do what every reconciliation does; tell whether the day's loss halted trading."""
    account.record_fills(bench.desk)
    account.record_positions(bench.desk, account.read_statement(bench.desk))
    account.record_settlements(bench.desk)
    statement = account.read_statement(bench.desk)
    account.record_portfolio(bench.desk, statement)
    return check_daily_loss(bench.desk, statement)


def look_after(bench: DeskBench, seconds: float) -> bool:
    bench.floor.wait(seconds)
    return look(bench)


def worth(bench: DeskBench) -> dict[str, Any]:
    """Return the newest record of what the account is worth."""
    return bench.rows("SELECT * FROM kalshi.portfolio ORDER BY as_of DESC LIMIT 1")[0]


def halts(bench: DeskBench) -> list[str]:
    rows = bench.rows("SELECT reason FROM kalshi.trading_state WHERE cause = 'daily_loss'")
    return [row["reason"] for row in rows]


def empty_the_bids(bench: DeskBench, *, at: float) -> None:
    """Let nobody bid any more, so many seconds from the start."""
    bench.floor.tape.quote(bids=[], asks=[("0.52", "2000")], at=at)


def test_the_close_of_a_market_is_no_loss(bench: DeskBench) -> None:
    before = worth(bench)

    assert not look_after(bench, 4 * HOUR)

    assert worth(bench)["as_of"] > before["as_of"]
    assert worth(bench)["positions_value_micros"] == AT_THE_BID
    assert worth(bench)["value_micros"] == before["value_micros"]
    assert halts(bench) == []


def test_it_keeps_its_worth_for_days_until_the_exchange_tells_what_it_pays(
    bench: DeskBench,
) -> None:
    bench.floor.wait(4 * HOUR)
    for _ in range(3):
        assert not look_after(bench, 20 * HOUR)
        assert worth(bench)["positions_value_micros"] == AT_THE_BID

    assert not look_after(bench, 9 * HOUR)
    told = worth(bench)
    assert told["positions_value_micros"] == BOUGHT * MICROS_PER_DOLLAR, "determined, not paid"

    assert not look_after(bench, 24 * HOUR)
    assert (worth(bench)["open_positions"], worth(bench)["positions_value_micros"]) == (0, 0)
    assert worth(bench)["value_micros"] == worth(bench)["cash_micros"] == told["value_micros"]


def test_a_market_that_pauses_is_no_loss_either(bench: DeskBench) -> None:
    empty_the_bids(bench, at=2 * HOUR)
    bench.floor.wait(1 * HOUR)
    look(bench)
    bench.floor.exchange.interventions.paused_markets = {TICKER}

    assert not look_after(bench, 2 * HOUR)

    assert worth(bench)["positions_value_micros"] == AT_THE_BID


def test_a_market_that_trades_without_a_bid_counts_nothing_and_halts(bench: DeskBench) -> None:
    empty_the_bids(bench, at=HOUR)

    assert look_after(bench, HOUR)

    assert worth(bench)["positions_value_micros"] == 0
    [why] = halts(bench)
    assert "no bid is known" not in why, "it trades, and that nobody bids is known"

    look_after(bench, 4 * HOUR)
    assert worth(bench)["positions_value_micros"] == 0, "at its close the bid was long gone"


def test_without_a_record_of_the_day_before_it_counts_nothing_and_says_so(
    bench: DeskBench,
) -> None:
    """This installation was off when the market closed, and for a day."""
    assert look_after(bench, DAY + 3 * MINUTE)

    assert worth(bench)["positions_value_micros"] == 0
    [why] = halts(bench)
    assert f"(no bid is known of {TICKER}, not trading: counted as 0)" in why
    view = account.read_statement(bench.desk).view(committed_micros=0)
    assert (view.waiting_micros, view.unmarked) == (0, (TICKER,))


def test_money_that_waits_makes_no_order_larger(bench: DeskBench) -> None:
    bench.floor.wait(4 * HOUR)

    view = account.read_statement(bench.desk).view(committed_micros=0)

    assert view.value_micros == view.cash_micros + AT_THE_BID
    assert (view.waiting_micros, view.sellable_micros) == (AT_THE_BID, view.cash_micros)


def test_the_journal_marks_an_open_trade_as_the_account_does(bench: DeskBench) -> None:
    look_after(bench, 5 * HOUR)
    until = bench.desk.clock.now() + timedelta(seconds=1)
    with bench.desk.database.transaction() as connection:
        prices = sell_prices(connection, until=until)
        [trip] = journal_of(read_books(connection, until=until), sell_prices=prices).trips
    assert trip.open_value_micros == AT_THE_BID
    assert trip.result_micros == worth(bench)["value_micros"] - 5_000_000_000


def mark(
    position: Position = HELD, recorded: RecordedBid | None = None, *, size: int = 0, **changes: Any
) -> Mark:
    """Return the mark of a market that waits, after changes of its terms."""
    market = replace(MARKET, **{"status": "closed", **changes})
    quote = replace(QUOTE, yes_bid_size=size, yes_ask_size=size)
    markets = {MARKET.ticker: MarketSnapshot(market, quote)}
    bids = {} if recorded is None else {MARKET.ticker: recorded}
    return marks_of([position], markets, at=NOW, last_bids=lambda _, __: bids)[MARKET.ticker]


SHORT = replace(HELD, position=-1_000)
LAST = RecordedBid(1_000, 600_000)
LAST_NO = RecordedBid(-500, 600_000)


@pytest.mark.parametrize("status", ["closed", "inactive", "determined", "amended", "finalized"])
def test_without_a_result_the_last_bid_counts(status: str) -> None:
    assert mark(recorded=LAST, status=status) == Mark(600_000, is_waiting=True)
    assert mark(SHORT, LAST_NO, status=status) == Mark(600_000, is_waiting=True)
    assert mark(status=status) == Mark(0, is_waiting=True, is_known=False)
    assert mark(SHORT, LAST, status=status).is_known is False, "it was the bid of the other side"


def test_a_bid_that_still_shows_is_newer_than_any_record() -> None:
    assert mark(recorded=LAST, size=100).price == BID
    assert mark(SHORT, LAST_NO, size=100).price == MICROS_PER_DOLLAR - ASK


def test_an_active_market_is_closed_once_its_time_is_over() -> None:
    assert mark(recorded=LAST, status="active", close_at=NOW) == Mark(600_000, is_waiting=True)
    later: dict[str, Any] = {"status": "active", "close_at": NOW + timedelta(seconds=1)}
    assert mark(recorded=LAST, **later) == Mark(0)
    assert mark(recorded=LAST, size=100, **later) == Mark(BID)


@pytest.mark.parametrize("status", ["determined", "amended", "finalized"])
@pytest.mark.parametrize(
    ("told", "yes"),
    [
        ({"result": "yes"}, 1_000_000),
        ({"result": "no"}, 0),
        ({"result": "scalar", "settlement_value": 370_000}, 370_000),
        ({"result": "yes", "settlement_value": 1_000_000}, 1_000_000),
    ],
)
def test_what_the_exchange_tells_to_pay_counts(status: str, told: Any, yes: int) -> None:
    assert mark(recorded=LAST, status=status, **told) == Mark(yes, is_waiting=True)
    assert mark(SHORT, status=status, **told) == Mark(1_000_000 - yes, is_waiting=True)


def test_a_result_that_is_contested_counts_as_the_lower_of_the_two() -> None:
    assert mark(recorded=LAST, status="disputed", result="yes").price == 600_000
    assert mark(recorded=LAST, status="disputed", result="no").price == 0
    assert mark(recorded=LAST, status="disputed").price == 600_000


def test_a_result_is_none_before_the_exchange_has_determined_it() -> None:
    for result in ("yes", "no"):
        assert mark(recorded=LAST, status="closed", result=result).price == 600_000
