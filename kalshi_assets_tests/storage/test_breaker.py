from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from kalshi_assets.domain.calls import BreakerState, BreakerTransition
from kalshi_assets.domain.clock import FixedClock
from kalshi_assets.errors import BreakerOpen, DatabaseUnavailable
from kalshi_assets.kalshi.breaker import Breaker
from kalshi_assets.storage.breaker import StoredBreaker
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.trading_state import current_state, halts_since_active
from kalshi_assets_tests.stand import MOMENT

HOST = "127.0.0.1:8"


def store_of(database: Database, host: str = HOST) -> StoredBreaker:
    return StoredBreaker(database, host, clock=FixedClock(MOMENT))


@pytest.fixture
def database(prepared: Database) -> Iterator[Database]:
    yield prepared
    with prepared.transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM kalshi.breaker_transitions"))
        for table in ("trading_state", "breaker_failures", "alerts"):
            connection.execute(text(f"DELETE FROM kalshi.{table}"))  # noqa: S608  our own names


def transition(to: BreakerState = "open", host: str = HOST) -> BreakerTransition:
    until = MOMENT + timedelta(seconds=5)
    return BreakerTransition(MOMENT, host, "closed", to, "3 failures in a row", 1, until)


def test_the_newest_transition_of_a_host_is_its_state(database: Database) -> None:
    store = store_of(database)
    assert store.newest() is None
    first = store.record(transition(), after=None)
    assert first is not None
    assert store.newest() == first
    store_of(database, "elsewhere").record(transition("closed", "elsewhere"), after=None)
    second = store.record(transition("half_open"), after=first)
    assert store.newest() == second
    with database.transaction() as connection:
        kept = text("SELECT to_state FROM kalshi.breaker_transitions ORDER BY transition_id")
        assert list(connection.scalars(kept)) == ["open", "closed", "half_open"]


def test_of_processes_that_probe_at_once_one_wins(database: Database) -> None:
    first = store_of(database).record(transition(), after=None)
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(store_of(database).record, transition("half_open"), after=first)
            for _ in range(8)
        ]
        won = [future.result() for future in asked]
    assert len([one for one in won if one is not None]) == 1
    assert store_of(database).record(transition(), after=None) is None


def test_a_breaker_on_the_database_is_open_for_every_process(database: Database) -> None:
    one, other = (Breaker(HOST, store_of(database)) for _ in range(2))
    for _ in range(3):
        one.failed("GET /x: 502", is_probe=one.admit("read"))
    with pytest.raises(BreakerOpen, match="3 failures in a row: GET /x: 502"):
        other.admit("read")
    other.succeeded(is_probe=other.admit("cancel"))
    assert one.admit("order") is False


def test_without_a_database_there_is_a_storage_error() -> None:
    database = Database("postgresql://nobody:x@127.0.0.1:9/nothing")
    with pytest.raises(DatabaseUnavailable):
        store_of(database).newest()
    with pytest.raises(DatabaseUnavailable):
        store_of(database).record(transition(), after=None)


def test_a_breaker_that_opens_halts_trading_once_and_one_that_closes_resumes_nothing(
    database: Database,
) -> None:
    breaker = Breaker(HOST, store_of(database))
    for _ in range(2):
        breaker.failed("503", is_probe=False)
    assert state_of(database) == "active"

    breaker.failed("503", is_probe=False)
    assert state_of(database) == "halted"

    breaker.succeeded(is_probe=True)
    assert state_of(database) == "halted"
    with database.transaction() as connection:
        [halt] = halts_since_active(connection)
    assert (halt.cause, halt.changed_at) == ("breaker", MOMENT)
    assert "3 failures in a row: 503" in halt.reason


def state_of(database: Database) -> str:
    with database.transaction() as connection:
        return current_state(connection)


def fails_once(database: Database) -> None:
    """A run of a job whose one call fails, and that ends with it."""
    breaker = Breaker(HOST, store_of(database))
    assert not breaker.admit("read")
    breaker.failed("503", is_probe=False)


def test_three_runs_that_fail_one_after_the_other_are_three_failures(database: Database) -> None:
    fails_once(database)
    fails_once(database)
    assert state_of(database) == "active"

    fails_once(database)
    assert state_of(database) == "halted"


def test_a_call_that_gets_through_in_any_process_ends_the_row(database: Database) -> None:
    fails_once(database)
    fails_once(database)
    lucky = Breaker(HOST, store_of(database))
    lucky.admit("read")
    lucky.succeeded(is_probe=False)

    fails_once(database)
    fails_once(database)
    assert state_of(database) == "active"
