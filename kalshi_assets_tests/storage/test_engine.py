"""Connections: foreign errors become ours, and a lock belongs to one session."""

import gc
import importlib
import os
import pkgutil
import socket
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import URL, make_url, text

from kalshi_assets import storage
from kalshi_assets.errors import ConfigurationError, DatabaseUnavailable, StorageError
from kalshi_assets.storage import schema
from kalshi_assets.storage.engine import ORDER_LOCK, Database, pooled_engine
from kalshi_assets.storage.migrate import create_database
from kalshi_assets.storage.rows import copy_missing
from kalshi_assets_tests.stand import DatabaseMaker, sessions_of_others
from kalshi_assets_tests.waiting import until


@pytest.fixture
def second(prepared: Database):
    """Another process, as the server sees it."""
    database = Database(prepared._url.render_as_string(hide_password=False))
    yield database
    database.dispose()


@pytest.mark.parametrize(
    "wrong", [{"port": 1}, {"password": "wrong"}, {"database": "no_such_database"}]
)
def test_a_server_that_cannot_be_reached_is_unavailable(
    prepared: Database, wrong: dict[str, Any]
) -> None:
    url = prepared._url.set(**wrong)
    broken = Database(url.render_as_string(hide_password=False))
    with (
        pytest.raises(DatabaseUnavailable, match="does not answer") as raised,
        broken.transaction(),
    ):
        pass
    assert str(url.password) not in str(raised.value)


def test_a_database_cannot_be_made_on_a_server_that_is_not_there() -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        create_database("postgresql://user:secret@127.0.0.1:1/postgres", "anything")


@pytest.mark.parametrize(
    "url", ["", "no url: secret", "mysql://user:secret@host/name", "postgresql://u:secret@h:port/n"]
)
def test_what_is_no_postgres_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="write postgresql://") as raised:
        Database(url)
    assert "secret" not in str(raised.value)


def test_the_password_is_in_no_name_and_no_repr() -> None:
    database = Database("postgresql://user:secret@host:5432/name")
    assert "secret" not in repr(database) + database.name
    assert make_url(database.name).host == "host"


def test_a_refused_statement_is_a_storage_error_and_leaves_the_data_as_it_was(
    prepared: Database,
) -> None:
    with pytest.raises(StorageError, match="refused"):
        _run(prepared, "DELETE FROM kalshi.installation", "SELECT 1 / 0")
    with prepared.transaction() as connection:
        assert connection.scalar(text("SELECT count(*) FROM kalshi.installation")) == 1


def test_a_row_that_copy_refuses_is_a_storage_error_too(prepared: Database) -> None:
    with pytest.raises(StorageError, match="refused"), prepared.transaction() as connection:
        copy_missing(connection, schema.portfolio, [{"cash_micros": 1}])


def test_a_duplicate_is_named_as_such(prepared: Database) -> None:
    again = "INSERT INTO kalshi.installation SELECT * FROM kalshi.installation"
    with pytest.raises(StorageError, match="holds this row already"):
        _run(prepared, again)


def test_sessions_speak_utc(prepared: Database) -> None:
    with prepared.transaction() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the numbers have other names")
@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+psycopg2"])
def test_a_server_that_is_cut_off_is_given_up_in_a_minute_unless_the_url_says_otherwise(
    prepared: Database, driver: str
) -> None:
    """By itself a system waits for hours; Dagster's storage has another driver than ours."""
    url = make_url(prepared.url).set(drivername=driver)
    assert patience_of(url) == (30, 10, 3, 60_000)
    own = url.update_query_dict({"keepalives_idle": "5", "tcp_user_timeout": "7000"})
    assert patience_of(own) == (5, 10, 3, 7_000)


def patience_of(url: URL) -> tuple[int, ...]:
    """Return what the kernel knows of a connection: seconds, seconds, trials, milliseconds."""
    names = ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
    engine = pooled_engine(url)
    with engine.connect() as connection:
        dbapi: Any = connection.connection.dbapi_connection
        with socket.socket(fileno=os.dup(dbapi.fileno())) as one:
            told = [one.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{n}")) for n in names]
    engine.dispose()
    return tuple(told)


def test_one_session_at_a_time_holds_a_lock(prepared: Database, second: Database) -> None:
    with prepared.advisory_lock(ORDER_LOCK) as first_holds:
        with second.advisory_lock(ORDER_LOCK) as second_holds:
            assert (first_holds, second_holds) == (True, False)
        with second.advisory_lock(ORDER_LOCK + 100) as other:
            assert other is True
    with second.advisory_lock(ORDER_LOCK) as second_holds:
        assert second_holds is True


def test_a_lock_is_given_back_when_the_work_under_it_fails(
    prepared: Database, second: Database
) -> None:
    with pytest.raises(ZeroDivisionError), prepared.advisory_lock(ORDER_LOCK):
        raise ZeroDivisionError
    with second.advisory_lock(ORDER_LOCK) as held:
        assert held is True


def test_a_lock_goes_with_the_session_that_dies(prepared: Database, second: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        _lose_the_session_that_holds_the_lock(second, through=prepared)


def _lose_the_session_that_holds_the_lock(database: Database, *, through: Database) -> None:
    kill = text("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")
    with database.advisory_lock(ORDER_LOCK) as held:
        assert held is True
        with through.transaction() as connection:
            assert connection.scalars(kill).all() == [True]
        with through.advisory_lock(ORDER_LOCK) as now_held:
            assert now_held is True


def _run(database: Database, *statements: str) -> None:
    with database.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))


USING_ONCE = """
import os, sys
from pathlib import Path
from kalshi_assets.runtime.warm_launcher.processes import count_threads, open_sockets
from kalshi_assets.storage.engine import Database, use_driver_once

def own():
    told = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()]
    return sum(int(words[1]) for words in told if words[0] == "Private_Dirty:")

if sys.argv[2] == "once":
    use_driver_once()
print(count_threads(), len(open_sockets()), flush=True)
if os.fork() == 0:
    before = own()
    with Database(sys.argv[1]).transaction():
        print((own() - before) / 1024, flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_what_a_driver_does_once_is_shared_by_those_that_are_forked(prepared: Database) -> None:
    held = {}
    for word in ("never", "once"):
        told = subprocess.run(  # noqa: S603  the words are ours
            [sys.executable, "-W", "ignore", "-c", USING_ONCE, prepared.url, word],
            check=True,
            capture_output=True,
            text=True,
        )
        first, second = told.stdout.splitlines()
        assert first.split() == ["1", "0"], "no thread and no connection: it may be forked"
        held[word] = float(second)
    assert held["once"] + 0.3 < held["never"], "megabytes; of a large process ten times as much"


def test_a_lock_is_held_outside_of_any_transaction(prepared: Database, second: Database) -> None:
    """A server that ends idle transactions would end this one, and the lock with it."""
    state = text(
        "SELECT state FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory'"
    )
    with second.advisory_lock(ORDER_LOCK), prepared.transaction() as connection:
        assert connection.scalars(state).all() == ["idle"]


def test_a_connection_used_for_a_lock_does_transactions_again_after(prepared: Database) -> None:
    with prepared.advisory_lock(ORDER_LOCK):
        pass
    with pytest.raises(StorageError):
        _run(prepared, "DELETE FROM kalshi.installation", "SELECT 1 / 0")
    with prepared.transaction() as connection:
        assert connection.scalar(text("SELECT count(*) FROM kalshi.installation")) == 1


def test_databases_of_two_tests_are_two(make_database: DatabaseMaker) -> None:
    assert make_database() != make_database()


def test_no_two_things_are_locked_by_the_same_number() -> None:
    """A halt that waited for a day to be cleaned would come too late."""
    found: dict[int, set[str]] = {}
    for module in pkgutil.walk_packages(storage.__path__, f"{storage.__name__}."):
        if "migrations" not in module.name:
            for name, number in vars(importlib.import_module(module.name)).items():
                if name.endswith("_LOCK") and isinstance(number, int):
                    found.setdefault(number, set()).add(name)
    assert len(found) > 8
    assert {number: names for number, names in found.items() if len(names) > 1} == {}


def test_those_who_use_one_database_in_a_process_share_its_sessions(prepared: Database) -> None:
    first, second = Database(prepared.url), Database(prepared.url)
    watching = Database(prepared.url, is_looked_at_only=True)  # other sessions, so none shared
    prepared.dispose()
    for _ in range(5):
        for one in (first, second):
            with one.transaction() as connection:
                connection.execute(text("SELECT 1"))
    assert sessions_of_others(watching) == 1
    first.dispose()
    assert sessions_of_others(watching) == 1, "the other one uses it still"
    second.dispose()
    assert sessions_of_others(watching) == 0
    with second.transaction() as connection:
        assert connection.scalar(text("SELECT 1")) == 1, "it may be used again"
    second.dispose()
    watching.dispose()


def test_one_that_was_forgotten_keeps_no_session(prepared: Database) -> None:
    watching = Database(prepared.url, is_looked_at_only=True)
    prepared.dispose()
    with Database(prepared.url).transaction() as connection:
        connection.execute(text("SELECT 1"))
    del connection
    gc.collect()
    assert until(lambda: sessions_of_others(watching) == 0)
    watching.dispose()
