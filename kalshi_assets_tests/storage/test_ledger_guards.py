"""What must never be in the ledger, the database itself refuses, whoever asks."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import pytest
from sqlalchemy import exc, text

from kalshi_assets.domain.account import Fill
from kalshi_assets.domain.order import TRANSITIONS, OrderStatus
from kalshi_assets.storage import account, arming, ledger
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.roles import ADDS_TO, TRADING_ROLE
from kalshi_assets.storage.settings_history import note_settings
from kalshi_assets_tests.risk.cases import NOW, TICKER
from kalshi_assets_tests.storage.test_ledger import ORDER, decision

FILL = Fill(
    fill_id="fill-1",
    order_id="venue-1",
    market_ticker=TICKER,
    side="no",
    count=29_800,
    yes_price=680_000,
    fee_micros=4_543_000,
    is_taker=True,
    filled_at=NOW,
)
KEPT_FOR_EVER = sorted(set(ADDS_TO) - {"verdicts", "alerts"} | {"armings"})


def refused(connection: Connection, statement: str, why: str) -> None:
    with pytest.raises(exc.DBAPIError, match=why), connection.begin_nested():
        connection.execute(text(statement))


@pytest.fixture
def filled(connection: Connection) -> Connection:
    """A ledger with a row of everything that an order leaves."""
    ledger.save_decisions(connection, [decision(1)])
    ledger.add_intent(connection, ORDER)
    ledger.move_order(connection, ORDER, "resting", at=NOW, venue_order_id="venue-1")
    account.save_fills(connection, [replace(FILL, count=100)], client_ids={"venue-1": "client-1"})
    return connection


@pytest.mark.parametrize("table", ["decisions", "order_events", "fills"])
@pytest.mark.parametrize(
    "change", ["UPDATE kalshi.{} SET client_order_id = 'x'", "DELETE FROM kalshi.{}"]
)
def test_what_happened_is_neither_changed_nor_erased(
    filled: Connection, table: str, change: str
) -> None:
    statement = change.format(table)
    if table == "decisions":
        statement = statement.replace("client_order_id", "outcome")
    refused(filled, statement, f"{table} is append-only")


@pytest.mark.parametrize("change", ["UPDATE kalshi.{} SET {} = {}", "DELETE FROM kalshi.{}"])
@pytest.mark.parametrize(
    ("table", "column"), [("settings_history", "code_version"), ("armings", "override")]
)
def test_what_was_in_force_is_neither_changed_nor_erased_by_anybody(
    connection: Connection, table: str, column: str, change: str
) -> None:
    note_settings(connection, {"venue": "paper"}, code="1", at=NOW)
    arming.arm(connection, until=NOW, by="me")
    refused(connection, change.format(table, column, column), f"{table} is append-only")


def test_whoever_trades_can_note_settings_but_not_arm(trading: Connection) -> None:
    first = note_settings(trading, {"venue": "paper"}, code="1", at=NOW)
    assert note_settings(trading, {"venue": "paper"}, code="1", at=NOW) == first
    assert note_settings(trading, {"venue": "paper"}, code="2", at=NOW) != first
    assert trading.scalar(text("SELECT count(*) FROM kalshi.settings_history")) == 2
    with pytest.raises(exc.DBAPIError, match="permission denied"), trading.begin_nested():
        arming.arm(trading, until=NOW, by="me")


@pytest.mark.parametrize("table", KEPT_FOR_EVER)
def test_no_table_of_the_ledger_can_be_emptied(connection: Connection, table: str) -> None:
    refused(connection, f"TRUNCATE kalshi.{table}", "append-only: TRUNCATE is refused")


def test_an_order_is_never_erased(filled: Connection) -> None:
    refused(filled, "DELETE FROM kalshi.orders", "DELETE is refused")


@pytest.mark.parametrize(
    "column", ["market_ticker = 'X'", "side = 'yes'", "limit_price = 1", "count = 1", "attempt = 2"]
)
def test_an_order_cannot_become_another(filled: Connection, column: str) -> None:
    refused(filled, f"UPDATE kalshi.orders SET {column}", "cannot become another order")  # noqa: S608


def test_what_was_filled_stays_filled(filled: Connection) -> None:
    filled.execute(text("UPDATE kalshi.orders SET fill_count = 100"))
    refused(filled, "UPDATE kalshi.orders SET fill_count = 99", "what was filled stays filled")


def test_an_order_is_never_filled_beyond_its_count(filled: Connection) -> None:
    refused(filled, "UPDATE kalshi.orders SET fill_count = 29801", "fills_fit")


def test_an_order_is_not_called_filled_before_it_is(filled: Connection) -> None:
    refused(filled, "UPDATE kalshi.orders SET status = 'filled'", "filled_is_whole")


def test_fills_never_exceed_their_order(filled: Connection) -> None:
    more = replace(FILL, fill_id="fill-2", count=29_701)
    with pytest.raises(exc.DBAPIError, match="takes order client-1 to 29801 of 29800"):
        account.save_fills(filled, [more], client_ids={"venue-1": "client-1"})


def test_the_same_fill_twice_is_one(filled: Connection) -> None:
    again = replace(FILL, count=100)
    assert account.save_fills(filled, [again], client_ids={"venue-1": "client-1"}) == 0


def test_the_database_allows_the_steps_of_the_state_machine_and_no_other(
    connection: Connection,
) -> None:
    source = str(
        connection.scalar(text("SELECT prosrc FROM pg_proc WHERE proname = 'guard_order'"))
    )
    allowed = set(re.findall(r"(\w+)>(\w+)", source))
    assert allowed == {(old, new) for old, news in TRANSITIONS.items() for new in news}


@pytest.mark.parametrize(
    ("old", "new"),
    [(o, n) for o, n in permutations(TRANSITIONS, 2) if n not in TRANSITIONS[o] and o != "intent"],
)
def test_an_illegal_step_is_refused_by_the_database(
    connection: Connection, old: OrderStatus, new: OrderStatus
) -> None:
    born = replace(ORDER, status=old, fill_count=29_800 if old == "filled" else 0)
    ledger.add_intent(connection, born)
    fills = ", fill_count = 29800" if new == "filled" else ""
    refused(connection, f"UPDATE kalshi.orders SET status = '{new}'{fills}", "cannot go from")  # noqa: S608


def test_every_change_leaves_an_event_whoever_made_it(filled: Connection) -> None:
    filled.execute(text("UPDATE kalshi.orders SET fill_count = 200"))
    filled.execute(text("UPDATE kalshi.orders SET expires_at = expires_at + interval '1 minute'"))
    filled.execute(text("UPDATE kalshi.orders SET status = 'canceled'"))
    events = filled.execute(text("SELECT kind, status FROM kalshi.order_events ORDER BY event_id"))
    assert [tuple(event) for event in events] == [
        ("status", "intent"),
        ("status", "resting"),
        ("fill", "resting"),
        ("renewal", "resting"),
        ("status", "canceled"),
    ]


@pytest.fixture
def trading(prepared: Database) -> Iterator[Connection]:
    """A connection of the role that trades; its work is undone."""
    database = Database(prepared.url, role=TRADING_ROLE)
    with database.engine.connect() as connection:
        yield connection
        connection.rollback()
    database.dispose()


@pytest.mark.parametrize("table", KEPT_FOR_EVER)
def test_the_trading_role_may_not_erase_anything(trading: Connection, table: str) -> None:
    refused(trading, f"DELETE FROM kalshi.{table}", "permission denied")  # noqa: S608


@pytest.mark.parametrize("table", sorted(set(KEPT_FOR_EVER) - {"orders"}))
def test_the_trading_role_may_not_change_what_happened(trading: Connection, table: str) -> None:
    column = trading.scalar(
        text(
            "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:t AS regclass) AND attnum = 2"
        ),
        {"t": f"kalshi.{table}"},
    )
    refused(trading, f"UPDATE kalshi.{table} SET {column} = NULL", "permission denied")  # noqa: S608


def test_the_trading_role_can_do_what_trading_needs(trading: Connection) -> None:
    ledger.save_decisions(trading, [decision(1)])
    assert ledger.add_intent(trading, ORDER)
    ledger.note_request(trading, ORDER, "cancel", at=NOW, detail="a test")
    ledger.move_order(trading, ORDER, "resting", at=NOW, venue_order_id="venue-1")
    assert account.save_fills(trading, [FILL], client_ids={"venue-1": "client-1"}) == 1
    refused(trading, "UPDATE kalshi.orders SET count = 1", "permission denied")
    refused(trading, "DROP TRIGGER kept ON kalshi.orders", "must be owner")
