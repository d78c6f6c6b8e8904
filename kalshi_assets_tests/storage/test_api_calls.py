import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import DatabaseUnavailable
from kalshi_assets.storage import api_calls as module
from kalshi_assets.storage.api_calls import KEPT, ROWS_A_BATCH, CallLog, save_calls
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.schema import api_calls


@pytest.fixture
def database(prepared: Database) -> Iterator[Database]:
    yield prepared
    with prepared.transaction() as connection:
        connection.execute(text("TRUNCATE kalshi.api_calls"))


def call(number: int = 0, at: datetime | None = None) -> ApiCall:
    return ApiCall(
        at=wall_now() if at is None else at,
        host="127.0.0.1:8",
        method="GET",
        path=f"/markets/{number}",
        status=200,
        error="",
        cost=10,
        latency_ms=number,
        attempt=1,
    )


def rows(database: Database) -> list[Any]:
    with database.transaction() as connection:
        return list(connection.execute(select(api_calls).order_by(api_calls.c.call_id)))


def test_calls_are_kept_in_their_order_and_whole(database: Database) -> None:
    failed = replace(call(7), status=None, error="TransportError", attempt=3)
    with CallLog(database) as log:
        for number in range(ROWS_A_BATCH + 7):
            log.note(call(number))
        log.note(failed)
    found = rows(database)
    assert [row.latency_ms for row in found] == [*range(ROWS_A_BATCH + 7), 7]
    last = dict(found[-1]._mapping)
    assert (last.pop("dropped_before"), last.pop("call_id") > 0) == (0, True)
    assert last.pop("venue_at") == failed.at
    assert ApiCall(**last) == failed


def test_a_call_is_told_by_the_clock_of_its_venue_too(database: Database) -> None:
    made, venue_at = call(), datetime.fromisoformat("2026-10-13T14:30:00+00:00")
    with CallLog(database, clock=VenueClock(venue_at, made.at - timedelta(seconds=2), 10)) as log:
        log.note(made)
    [row] = rows(database)
    assert (row.at, row.venue_at) == (made.at, venue_at + timedelta(seconds=20))


def test_no_thread_is_started_before_the_first_call(database: Database) -> None:
    before = threading.active_count()
    with CallLog(database):
        assert threading.active_count() == before
    assert rows(database) == []


def test_calls_of_many_threads_are_all_kept(database: Database) -> None:
    with CallLog(database) as log:

        def note_many() -> None:
            for number in range(100):
                log.note(call(number))

        threads = [threading.Thread(target=note_many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(rows(database)) == 400


class Unsteady(Database):
    """A database that is away until told otherwise."""

    is_away = True

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self.is_away:
            raise DatabaseUnavailable("away")
        with super().transaction() as connection:
            yield connection


def test_what_came_too_fast_is_dropped_oldest_first_and_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(module, "PAUSE_AFTER_FAILURE_SECONDS", 0.01)
    unsteady = Unsteady(database._url.render_as_string(hide_password=False))
    with CallLog(unsteady, most_waiting=5) as log:
        for number in range(20):
            log.note(call(number))
        deadline = time.monotonic() + 10
        while "wait for the call log: away" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
        unsteady.is_away = False
    unsteady.dispose()
    found = rows(database)
    assert [row.latency_ms for row in found] == [15, 16, 17, 18, 19]
    assert [row.dropped_before for row in found] == [15, 0, 0, 0, 0]


def test_a_log_that_cannot_be_written_neither_waits_nor_raises(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    unsteady = Unsteady(database._url.render_as_string(hide_password=False))
    started = time.monotonic()
    with CallLog(unsteady) as log:
        log.note(call())
    assert time.monotonic() - started < 5
    assert "some of the last calls are not in the call log" in caplog.text


def test_calls_older_than_thirty_days_are_forgotten(database: Database) -> None:
    old, young = wall_now() - KEPT - timedelta(hours=1), wall_now() - KEPT + timedelta(hours=1)
    with database.transaction() as connection:
        for number, at in enumerate((old, young)):
            save_calls(connection, [call(number, at)])
    with CallLog(database) as log:
        log.note(call(2))
    assert [row.latency_ms for row in rows(database)] == [1, 2]


def backend(database: Database) -> int:
    """Return the server's process behind an idle connection."""
    with database.transaction() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on " + sys.platform)
def test_a_forked_process_logs_with_a_thread_of_its_own(database: Database) -> None:
    session = backend(database)
    with CallLog(database) as log:
        log.note(call(1))
        pid = os.fork()
        if pid == 0:
            try:
                log.note(call(2))
                log.close()
                os._exit(0 if backend(database) != session else 1)
            finally:
                os._exit(2)
        assert os.waitpid(pid, 0)[1] == 0, "it talks on a connection of its own"
        log.note(call(3))
    assert sorted(row.latency_ms for row in rows(database)) == [1, 2, 3]
