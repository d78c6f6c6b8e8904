"""The ledger equals the venue to the micro-dollar; a difference that stays halts trading."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.order import client_order_id
from kalshi_assets.domain.price import micros
from kalshi_assets.errors import StorageError
from kalshi_assets.execution.books import LOOKS, Comparison, compare, open_books
from kalshi_assets.execution.halting import cancel_live
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.execution.upkeep import check_books, compare_patiently
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets.storage import books
from kalshi_assets_tests.execution.desk_bench import DeskBench, desk_bench
from kalshi_assets_tests.execution.faults import OnOperation, altering
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER, ScriptedTape, listing
from kalshi_assets_tests.stand import DatabaseMaker

SOON, SCALAR = "KXTEST-26OCT-T2", "KXTEST-26OCT-T3"
HOUR = 3600


@pytest.fixture
def bench(make_database: DatabaseMaker, tmp_path: Path) -> Iterator[DeskBench]:
    """A desk whose books are open, beside one market that quotes 0.47 / 0.52, three each."""
    with desk_bench(make_database(), tmp_path) as made:
        open_books(made.desk)
        yield made


def tape_of_three(draw: random.Random) -> ScriptedTape:
    """Makers pay fees too; two markets end within hours, one of them with a scalar result."""
    ends = {name: NOON_MS + hours * HOUR_MS for name, hours in ((SOON, 2), (SCALAR, 3))}
    listings = {
        TICKER: listing(),
        SOON: listing(SOON, close_ms=ends[SOON], determined_ms=ends[SOON], settled_ms=ends[SOON]),
        SCALAR: listing(
            SCALAR,
            close_ms=ends[SCALAR],
            determined_ms=ends[SCALAR],
            settled_ms=ends[SCALAR],
            result="scalar",
            settlement_price=6_173,
        ),
    }
    tape = ScriptedTape(listings, FeeTerms("quadratic_with_maker_fees", Fraction(1)))
    for ticker in listings:
        for minute in range(0, 420, 10):
            bid = draw.randint(30, 60)
            size = f"{draw.randint(1, 900) / 100:.2f}"
            levels = {"bids": [(f"0.{bid}", size)], "asks": [(f"0.{bid + 3}", size)]}
            tape.quote(ticker, at=60 * minute, **levels)
    return tape


def step(bench: DeskBench, draw: random.Random) -> str:
    """Let something happen on the account, and say what."""
    side: Side = draw.choice(get_args(Side))
    ticker = draw.choice([TICKER, SOON, SCALAR])
    size, price = f"{draw.randint(1, 700) / 100:.2f}", f"0.{draw.randint(40, 65)}"
    action = draw.choice(["ours", "ours", "ours", "hand", "other", "cancel", "time"])
    if action == "ours":
        return f"ours {bench.buy(side, price, size, ticker=ticker).status}"
    if action in ("hand", "other"):
        caller = bench.floor.me if action == "hand" else bench.floor.you
        book_side = "bid" if side == "yes" else "ask"
        mine = {"client_order_id": f"hand-{next(bench.names)}"}
        return f"{action} {caller.order(book_side, price, size, ticker=ticker, **mine).status_code}"
    if action == "cancel":
        return f"left {len(cancel_live(bench.desk, 'a test'))}"
    bench.floor.wait(draw.choice([20, 200, 1500]))
    return "time"


@pytest.mark.parametrize("seed", range(2))
def test_ledger_equals_venue_to_the_micro_dollar_whatever_happens_on_the_account(
    make_database: DatabaseMaker, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311  no secret
    with desk_bench(make_database(), tmp_path, tape=tape_of_three(draw)) as bench:
        reconcile(bench.desk)
        done = []
        for _ in range(30):
            done.append(step(bench, draw))
            reconcile(bench.desk)
            found = compare(bench.desk)
            assert found.is_equal, (found.sentence, done)
            assert found.tolerance_micros or found.cash_stated == found.cash_expected, done
        bench.floor.wait(4 * HOUR)
        reconcile(bench.desk)
        found = compare(bench.desk)
        assert found.is_equal, found.sentence
        assert len(bench.rows("SELECT * FROM kalshi.settlements")) >= 1
        assert len(bench.rows("SELECT * FROM kalshi.fills WHERE client_order_id IS NULL")) >= 1
        assert len(bench.rows("SELECT * FROM kalshi.fills WHERE client_order_id IS NOT NULL")) >= 3


def test_an_exact_settlement_leaves_nothing_open(bench: DeskBench) -> None:
    bench.buy("yes", "0.52", "2.50")
    bench.floor.wait(7 * HOUR)

    found = compare(bench.desk)

    assert bench.rows("SELECT result FROM kalshi.settlements") == [{"result": "yes"}]
    assert found.is_equal, found.sentence
    assert found.tolerance_micros == 0
    assert found.cash_stated == found.cash_expected == micros("5000") + _won("2.50", "0.52")


def _won(size: str, price: str) -> int:
    """What winning so many contracts of that price brings, less the taker's fee."""
    paid, got = micros(price), float(size)
    fee = 0.07 * got * (paid / 1e6) * (1 - paid / 1e6)
    exact = got * (1_000_000 - paid) - fee * 1e6
    return int(exact // 100 * 100)  # the exchange rounds what is left down to $0.0001


def test_the_books_are_opened_once_with_what_the_venue_states(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    with desk_bench(make_database(), tmp_path) as bench:
        bench.by_hand("bid", "0.52", "2")

        assert open_books(bench.desk)
        assert not open_books(bench.desk)

        [opening] = bench.rows("SELECT * FROM kalshi.cash_movements")
        assert opening["amount_micros"] == bench.desk.venue.balance().cash_micros < micros("5000")
        assert opening["positions"] == {TICKER: [200, 1_040_000]}
        bench.buy("no", "0.53", "1")
        reconcile(bench.desk)
        assert compare(bench.desk).is_equal, "selling what was held before counts from its cost"
        with pytest.raises(StorageError), bench.desk.database.transaction() as connection:
            books.add_opening(connection, at=bench.desk.clock.now(), cash_micros=1, positions=[])


def test_a_settlement_during_the_opening_is_not_counted_twice(
    make_database: DatabaseMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk_bench(make_database(), tmp_path) as bench:
        bench.by_hand("bid", "0.52", "2")
        balance, calls = KalshiClient.balance, list[int]()

        def settles_first(client: KalshiClient) -> Any:
            if not calls:
                bench.floor.wait(7 * HOUR)
            calls.append(1)
            return balance(client)

        monkeypatch.setattr(KalshiClient, "balance", settles_first)
        open_books(bench.desk)

        assert compare(bench.desk).is_equal


def test_money_paid_in_or_out_is_a_difference_until_it_is_booked(bench: DeskBench) -> None:
    for amount in (micros("250.5"), -micros("100")):
        bench.pay_in(amount)
        found = compare(bench.desk)
        assert found.cash_stated - found.cash_expected == amount

        with bench.desk.database.transaction() as connection:
            books.add_transfer(connection, amount, at=bench.desk.clock.now(), note="a test")
        assert compare(bench.desk).is_equal


def of_scheme(number: int) -> str:
    return client_order_id(f"another host's {number}", leg="entry", attempt=1)


def test_at_the_opening_what_is_dead_is_known_and_what_rests_of_our_scheme_halts_once(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    with desk_bench(make_database(), tmp_path) as bench:
        me = bench.floor.me
        me.rest("bid", "0.52", "1", client_order_id=of_scheme(1))
        me.rest("bid", "0.52", "1", client_order_id="by hand, dead")
        me.rest("bid", "0.20", "1", client_order_id="by hand, resting")
        me.rest("bid", "0.21", "1", client_order_id=of_scheme(2))

        for _ in range(3):
            reconcile(bench.desk)

        rows = bench.rows("SELECT client_order_id, kind FROM kalshi.foreign_orders")
        assert {row["client_order_id"]: row["kind"] for row in rows} == {
            of_scheme(1): "earlier",
            "by hand, dead": "manual",
            "by hand, resting": "manual",
            of_scheme(2): "unknown",
        }
        assert causes(bench) == ["unknown_order"]
        assert len(resting(bench)) == 2, "neither is ours to cancel"
        assert compare(bench.desk).is_equal


def causes(bench: DeskBench) -> list[str]:
    query = "SELECT cause FROM kalshi.trading_state WHERE state = 'halted' ORDER BY state_id"
    return [row["cause"] for row in bench.rows(query)]


def resting(bench: DeskBench) -> list[Any]:
    return [order for order in bench.desk.venue.orders() if order.status == "resting"]


def _tampered(bench: DeskBench) -> None:
    bench.tamper("UPDATE kalshi.fills SET fee_micros = fee_micros + 1")


def _short_of_a_fill(bench: DeskBench) -> None:
    bench.tamper("UPDATE kalshi.fills SET count = count - 1")


def _another_balance(bench: DeskBench) -> None:
    def more(body: Any) -> Any:
        return {**body, "balance_dollars": f"{float(body['balance_dollars']) + 0.0001:.4f}"}

    bench.faults.fault = OnOperation("GetBalance", altering(more))


@pytest.mark.parametrize("spoil", [_tampered, _short_of_a_fill, _another_balance])
def test_a_difference_is_found_and_halts_only_after_patience_and_once(
    bench: DeskBench, spoil: Callable[[DeskBench], None]
) -> None:
    bench.buy("yes", "0.52", "2")
    assert compare(bench.desk).is_equal
    spoil(bench)

    found = check_books(bench.desk)

    assert not found.is_equal
    assert found.position_differences == ({TICKER: (199, 200)} if "short" in repr(spoil) else {})
    assert len(bench.pauses) == LOOKS - 1
    assert causes(bench) == ["ledger_mismatch"]
    check_books(bench.desk)
    assert causes(bench) == ["ledger_mismatch"]


@pytest.mark.parametrize(
    ("operation", "rows"), [("GetFills", "fills"), ("GetPositions", "market_positions")]
)
def test_a_read_that_lags_is_waited_out_and_does_not_halt(
    bench: DeskBench, operation: str, rows: str
) -> None:
    bench.faults.fault = OnOperation(operation, altering(lambda b: {**b, rows: []}), times=3)
    bench.buy("yes", "0.52", "2")

    assert check_books(bench.desk).is_equal

    assert len(bench.pauses) == 3
    assert causes(bench) == []


def test_fills_of_an_order_that_is_not_listed_yet_come_in_later_with_their_order(
    bench: DeskBench,
) -> None:
    bench.faults.fault = OnOperation("GetOrders", altering(lambda b: {**b, "orders": []}))
    venue_id = bench.by_hand("bid", "0.52", "2")
    reconcile(bench.desk)
    found = compare(bench.desk)
    assert (found.unexplained_fills, found.is_equal) == (1, False)
    assert bench.rows("SELECT * FROM kalshi.fills") == []

    bench.faults.fault = None
    assert compare_patiently(bench.desk).is_equal
    [fill] = bench.rows("SELECT venue_order_id, client_order_id FROM kalshi.fills")
    assert fill == {"venue_order_id": venue_id, "client_order_id": None}


def test_what_was_traded_by_hand_while_nothing_ran_here_is_no_difference(
    bench: DeskBench,
) -> None:
    """Hours ago, and before the newest fill we have: neither list of the last minutes shows it."""
    bench.by_hand("bid", "0.52", "1")
    bench.floor.wait(HOUR)
    bench.buy("yes", "0.52", "1")

    assert check_books(bench.desk).is_equal
    assert causes(bench) == []


def test_what_is_traded_by_hand_between_the_list_and_the_comparison_is_no_difference(
    bench: DeskBench,
) -> None:
    reconcile(bench.desk)
    bench.by_hand("bid", "0.52", "1")

    assert check_books(bench.desk).is_equal
    assert causes(bench) == []


def test_cash_less_resting_orders_is_agreed_to_and_nothing_else(bench: DeskBench) -> None:
    """Whether the venue states its cash with them or without is left open by its documents."""
    bench.buy("yes", "0.40", "2")
    found = compare(bench.desk)
    assert found.reserved_micros == 800_000

    def stated(off: int) -> Comparison:
        return replace(found, cash_stated=found.cash_expected + off)

    assert stated(-800_000).is_equal
    assert [stated(off).is_equal for off in (-1, 1, 800_000, -799_999)] == [False] * 4
