"""A database restored from a backup: it lacks what was ordered since, and finds that out itself."""

import os
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from kalshi_assets.errors import NotReconciled
from kalshi_assets.execution.resuming import resume
from kalshi_assets.execution.upkeep import keep_up
from kalshi_assets.storage.embedded.binaries import locate
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets_tests.stand import Stand

NEEDS_OWN_SERVER = pytest.mark.skipif(
    "TEST_DATABASE_URL" in os.environ, reason="pg_dump has to be of the server's own version"
)


def tool(name: str, *words: str) -> None:
    """Run one of PostgreSQL's own tools, those that the embedded server came with."""
    subprocess.run([locate().program(name), *words], check=True)  # noqa: S603  ours


def on_a_restored_backup(stand: Stand, backup: Path, server_url: str) -> None:
    """Do what the runbook says: restore into a new database, go there, start."""
    url = create_database(server_url, f"{stand.database.dbname}_restored")
    tool("pg_restore", "--no-owner", "--no-privileges", "--dbname", url, str(backup))
    stand.database = Database(url)
    prepare(stand.database, identity=stand.settings.identity, now=stand.now)
    stand.change(database_url=SecretStr(url))


@NEEDS_OWN_SERVER
def test_a_backup_from_before_an_order_halts_at_it_and_goes_on_once_it_was_looked_into(
    loaded_stand: Stand, server_url: str, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    plain = make_url(loaded_stand.database.url).set(drivername="postgresql")
    address = plain.render_as_string(hide_password=False)
    tool("pg_dump", "--format=custom", "--file", str(backup), "--dbname", address)
    loaded_stand.judge_and_place()
    assert loaded_stand.order_requests() == 1

    on_a_restored_backup(loaded_stand, backup, server_url)
    assert loaded_stand.rows("SELECT * FROM kalshi.orders") == []
    loaded_stand.creep()
    loaded_stand.later(1)
    with loaded_stand.desk() as desk:
        keep_up(desk)
        [state] = loaded_stand.rows("SELECT state, cause FROM kalshi.trading_state")
        assert (state["state"], state["cause"]) == ("halted", "unknown_order")
        with pytest.raises(NotReconciled, match="accept-unknown"):
            resume(desk, by="a test", why="too early", is_unknown_accepted=False)
        resumed = resume(desk, by="a test", why="the backup lacks it", is_unknown_accepted=True)
    assert resumed.comparison.is_equal
    loaded_stand.judge_and_place()
    assert loaded_stand.order_requests() == 1, "what is held is not bought again"
