"""`import-history` as a user gives it, beside what runs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.execution.books import compare, open_books
from kalshi_assets.local_exchange.gate import Endpoint
from kalshi_assets.storage.engine import IMPORT_LOCK, Database
from kalshi_assets_tests.execution.faults import OnOperation, altering, answering
from kalshi_assets_tests.execution.trading_floor import order_by_hand
from kalshi_assets_tests.runtime.commands import FAILED, OK, SETTINGS, Shell, installed
from kalshi_assets_tests.stand import OVERREACTING, Proceed, Stand

NOT_WHOLE = 3
HISTORICAL_ORDERS, HISTORICAL_FILLS = "GetHistoricalOrders", "GetFillsHistorical"
HELD = 3


def archived(stand: Stand) -> None:
    """Let all that the account has done be of four months ago, but for what it holds."""
    store = stand.exchange.exchange.store
    with store.transaction():
        for column in ("created_ms", "updated_ms"):
            store.run(f"update orders set {column} = {column} - ?", 120 * 86_400_000)  # noqa: S608  ours
        store.run("update fills set created_ms = created_ms - ?", 120 * 86_400_000)


@pytest.fixture
def with_past(stand: Stand) -> Iterator[Stand]:
    """An installation whose account bought by hand, long before its books were opened."""
    for contracts in range(1, HELD + 1):
        order_by_hand(stand, "no", ticker=OVERREACTING, cents=95, contracts=contracts)
    archived(stand)
    with stand.desk() as desk:
        open_books(desk)
    with installed(stand):
        yield stand


def test_it_says_what_it_read_and_what_that_time_made(with_past: Stand, shell: Shell) -> None:
    code, out, err = shell.run("import-history")
    assert (code, err) == (OK, ""), out
    assert f"historical fills: {HELD} added" in out
    assert f"historical orders: {HELD} added" in out
    assert f"Before the books: {HELD} fills and 0 settlements, 2026-06-15 to 2026-06-15" in out
    assert f"Journal of that time: {HELD} round trips, {HELD} still open at the opening" in out
    assert "Whole: every row was read, and what is left open was held at the opening." in out


def test_as_json_it_says_the_same_in_one_line(with_past: Stand, shell: Shell) -> None:
    code, told = shell.run_json("import-history")
    assert (code, told["is_whole"], told["disagreements"]) == (OK, True, [])
    added = {(each["kind"], each["tier"]): each["added"] for each in told["lists"]}
    assert added["fills", "historical"] == added["orders", "historical"] == HELD
    assert told["least_requests"] == 5
    assert told["requests"] in (5, 7), "two more where the account's limits were not known"
    before = told["before_the_books"]
    assert (before["fills"], before["trips"], before["still_open"]) == (HELD, HELD, HELD)
    assert before["net_usd"] == "0"


def test_nothing_is_placed_and_the_books_stay_as_they_are(with_past: Stand, shell: Shell) -> None:
    sent = with_past.order_requests()
    tables = ("cash_movements", "orders", "decisions", "positions", "portfolio", "trading_state")
    before = [with_past.contents(table) for table in tables]
    with with_past.desk() as desk:
        stated = compare(desk)
    shell.run("import-history")
    assert with_past.order_requests() == sent
    assert [with_past.contents(table) for table in tables] == before
    with with_past.desk() as desk:
        assert compare(desk) == stated
    assert stated.is_equal


def test_rows_that_cannot_be_read_are_said_and_are_exit_code_3(
    with_past: Stand, shell: Shell
) -> None:
    def spoiled(page: Any) -> Any:
        return {**page, "fills": [{**page["fills"][0], "fee_cost": None}, *page["fills"][1:]]}

    with_past.faults.fault = OnOperation(HISTORICAL_FILLS, altering(spoiled), times=1)
    code, out, _ = shell.run("import-history")
    assert code == NOT_WHOLE
    assert "NOT WHOLE: 1 rows could not be read, their bytes lie in quarantine" in out
    assert f"DOES NOT ADD UP: {OVERREACTING}" in out
    assert shell.run("import-history")[0] == OK


def test_an_exchange_without_an_answer_ends_it_and_it_goes_on_later(
    with_past: Stand, shell: Shell
) -> None:
    with_past.faults.fault = OnOperation(HISTORICAL_FILLS, answering(503))
    code, _, err = shell.run("import-history")
    assert code == FAILED
    assert "503" in err
    assert with_past.contents("breaker_failures") == [], "reading the past halts nothing"
    with_past.faults.fault = None
    code, out, _ = shell.run("import-history")
    assert code == OK
    assert "live orders, page" not in out, "what was read is not asked for again"


def test_killed_in_the_middle_of_a_page_the_next_run_goes_on(
    with_past: Stand, shell: Shell
) -> None:
    asked, killed = Event(), Event()

    async def stuck(request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        if endpoint.operation == HISTORICAL_FILLS:
            asked.set()
            while not killed.is_set():
                await asyncio.sleep(0.01)
        return await proceed()

    with_past.faults.fault = stuck
    run_it = "from kalshi_assets.runtime.cli import main; main()"
    words = [sys.executable, "-c", run_it, "import-history"]
    process = subprocess.Popen(  # noqa: S603  the words are ours
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ)
    )
    try:
        assert asked.wait(60)
    finally:
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
        killed.set()
    assert b"historical orders, page 1" in said
    with_past.faults.fault = counted = OnOperation(HISTORICAL_ORDERS, answering(500))
    code, out, err = shell.run("import-history")
    assert code == OK, err
    assert counted.calls == 0, "that page was kept"
    assert f"Before the books: {HELD} fills" in out


def test_two_imports_at_once_are_refused(with_past: Stand, shell: Shell) -> None:
    other = Database(with_past.database.url)
    with other.advisory_lock(IMPORT_LOCK):
        code, _, err = shell.run("import-history")
    other.dispose()
    assert code == FAILED
    assert "another import-history is at work" in err


def test_without_a_key_it_says_which_settings_are_missing(stand: Stand, shell: Shell) -> None:
    with stand.desk() as desk:
        open_books(desk)
    for name in ("KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PATH"):
        stand.patch.delenv(name)
    stand.settings = stand.settings.model_copy(
        update={"api_key_id": None, "private_key_path": None}
    )
    with installed(stand):
        code, _, err = shell.run("import-history")
    assert code == SETTINGS
    assert "KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH" in err


def test_on_paper_there_is_no_past(keyless: Stand, shell: Shell) -> None:
    with installed(keyless):
        code, _, err = shell.run("import-history")
    assert code == SETTINGS
    assert "it has no past at the exchange" in err


def test_before_the_books_are_open_there_is_no_before(stand: Stand, shell: Shell) -> None:
    with installed(stand):
        code, _, err = shell.run("import-history")
    assert code == FAILED
    assert "the books are not open yet" in err


def test_where_nothing_runs_it_says_so(stand: Stand, shell: Shell) -> None:
    stand.patch.delenv("KALSHI_DATABASE_URL")
    code, _, err = shell.run("import-history")
    assert code == SETTINGS
    assert "nothing runs on" in err
