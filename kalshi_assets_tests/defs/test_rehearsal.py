"""What runs of orders ask is worked out before they are forked, and leaves no connection."""

import importlib
from typing import Any

import pytest
from sqlalchemy import Engine, event

from kalshi_assets.defs import rehearsal
from kalshi_assets.defs.resources import Platform
from kalshi_assets.storage.engine import Database
from kalshi_assets_tests.stand import Stand, sessions_of_others


@pytest.fixture
def worked_out() -> Any:
    """Yield a list of the questions that SQLAlchemy had to work out."""
    found: list[str] = []

    def note(
        _c: object, _cur: object, statement: str, _p: object, context: Any, _m: object
    ) -> None:
        if context.compiled and context.cache_hit.name != "CACHE_HIT":
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def test_what_a_judgement_reads_is_worked_out_before(
    loaded_stand: Stand, worked_out: list[str]
) -> None:
    """With the tables that checks look at and signals are judged by."""
    kept = rehearsal.rehearse(Platform())
    assert worked_out
    worked_out.clear()
    loaded_stand.judge_and_place()
    assert loaded_stand.order_requests() == 1

    tables = ("verdicts", "decisions", "markets", "clean_ticks", "rolling_averages", "signals")
    reads = [each for each in worked_out if each.startswith("SELECT")]
    assert not [each for each in reads for table in tables if f"FROM kalshi.{table} " in each]
    assert len(kept) == 2


def test_it_leaves_no_connection(loaded_stand: Stand) -> None:
    loaded_stand.database.dispose()
    kept = rehearsal.rehearse(Platform())
    watching = Database(loaded_stand.database.url, is_looked_at_only=True)
    assert sessions_of_others(watching) == 0
    watching.dispose()
    assert kept


@pytest.mark.parametrize("url", [None, "postgresql://nobody:none@127.0.0.1:1/none"])
def test_without_a_database_runs_work_them_out_themselves(
    monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    if url is not None:
        monkeypatch.setenv("KALSHI_DATABASE_URL", url)
    assert importlib.reload(rehearsal).ENGINES == ()


def test_what_waits_for_an_order_run_is_connected_and_writes_nothing(loaded_stand: Stand) -> None:
    tables = [
        row["table_name"]
        for row in loaded_stand.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'kalshi'"
        )
    ]
    before = {table: loaded_stand.contents(table) for table in tables}
    assert before["signals"]
    loaded_stand.database.dispose()

    kept = rehearsal.connected()
    watching = Database(loaded_stand.database.url, is_looked_at_only=True)
    assert sessions_of_others(watching) >= 2, "as reader of the data, and as the one who trades"
    watching.dispose()
    assert {table: loaded_stand.contents(table) for table in tables} == before
    kept.close()


def test_without_a_database_what_waits_gets_as_ready_as_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KALSHI_DATABASE_URL", raising=False)
    assert rehearsal.connected().settings.database_url is None
