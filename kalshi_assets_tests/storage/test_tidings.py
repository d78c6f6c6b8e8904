"""What is told is heard by those who listen: each, in its order, also where it was told before."""

import threading
from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest

from kalshi_assets.errors import StorageError
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.tidings import Listening, listening, wake


@pytest.fixture
def news(prepared: Database) -> Iterator[Listening]:
    with listening(prepared, ["ticks", "stop"]) as news:
        yield news


def tell(database: Database, *channels: str) -> None:
    with database.transaction() as connection:
        for channel in channels:
            wake(connection, channel)


def test_what_is_told_at_once_is_heard_one_after_another(
    prepared: Database, news: Listening
) -> None:
    tell(prepared, "ticks", "elsewhere", "stop")
    assert [news.wait(5.0), news.wait(5.0), news.wait(0.0)] == ["ticks", "stop", None]


def test_who_waits_is_woken(prepared: Database, news: Listening) -> None:
    teller = threading.Timer(0.3, tell, [prepared, "ticks"])
    began = monotonic()
    teller.start()
    assert news.wait(30.0) == "ticks"
    assert monotonic() - began < 20
    teller.join()


def test_nothing_told_is_waited_for_no_longer_than_asked(news: Listening) -> None:
    began = monotonic()
    assert news.wait(0.5) is None
    assert 0.4 < monotonic() - began < 20


def test_a_database_that_has_gone_is_told(prepared: Database, news: Listening) -> None:
    with psycopg.connect(prepared.plain_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
    with pytest.raises(StorageError):
        news.wait(30.0)
