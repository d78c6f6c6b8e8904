"""Dagster's storage on connections that are kept: what becomes of them when the server goes."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from dagster import RunsFilter
from psycopg import sql
from sqlalchemy import make_url

from kalshi_assets.storage.pooled_dagster import PooledPostgresStorage
from kalshi_assets_tests.stand import DatabaseMaker

Opener = Callable[[str], PooledPostgresStorage]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Return what opens a storage; all are closed in the end."""
    made: list[PooledPostgresStorage] = []

    def open_one(url: str) -> PooledPostgresStorage:
        made.append(PooledPostgresStorage(url))
        return made[-1]

    yield open_one
    for storage in made:
        storage.event_log_storage.dispose()


def runs_in(storage: PooledPostgresStorage) -> int:
    return storage.run_storage.get_runs_count(RunsFilter())


def backends(server_url: str, url: str) -> list[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(server_url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(query, [make_url(url).database])]


def test_connections_that_ended_with_the_server_are_opened_anew(
    server_url: str, make_database: DatabaseMaker, opened: Opener
) -> None:
    url = make_database()
    storage = opened(url)
    assert runs_in(storage) == 0
    before = backends(server_url, url)
    assert before, "a connection is kept"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [before])
    assert runs_in(storage) == 0
    assert not set(backends(server_url, url)) & set(before)


def test_a_server_that_is_about_to_start_is_waited_for(
    server_url: str, make_database: DatabaseMaker, opened: Opener
) -> None:
    """A run's process, or the daemon, may open the storage just when the server starts anew."""
    url = make_database()
    name = str(make_url(url).database)

    def rename(old: str, new: str) -> None:
        words = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(words.format(sql.Identifier(old), sql.Identifier(new)))

    rename(name, f"{name}_away")
    back = threading.Timer(0.5, rename, [f"{name}_away", name])
    back.start()
    began = time.monotonic()
    assert runs_in(opened(url)) == 0
    assert time.monotonic() - began > 0.4
    back.join()
