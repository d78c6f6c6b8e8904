"""A backup of what runs, and a new database made of it."""

from pathlib import Path

import pytest
from psycopg import connect

from kalshi_assets.runtime.home import Home
from kalshi_assets.storage.embedded import EmbeddedServer
from kalshi_assets_tests.execution.trading_floor import judge_and_place
from kalshi_assets_tests.runtime.commands import FAILED, OK, SETTINGS, Shell
from kalshi_assets_tests.stand import DatabaseMaker, Stand


@pytest.fixture
def file(loaded_stand: Stand, shell: Shell, tmp_path: Path) -> Path:
    """The backup of a stand that has bought something."""
    judge_and_place(loaded_stand)
    made = tmp_path / "kalshi.dump"
    code, said, wrong = shell.run(f"db dump {made}")
    assert code == OK, wrong
    assert said.startswith(f"{loaded_stand.database.dbname} is in {made}, ")
    return made


def orders(url: str) -> list[tuple[object, ...]]:
    with connect(url.replace("+psycopg", "")) as connection:
        return connection.execute("SELECT client_order_id, status FROM kalshi.orders").fetchall()


def test_a_backup_goes_into_a_new_embedded_database_and_never_over_an_old_one(
    loaded_stand: Stand, shell: Shell, file: Path, tmp_path: Path
) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    loaded_stand.patch.delenv("KALSHI_DATABASE_URL")
    home = Home(tmp_path / "new")
    loaded_stand.patch.setenv("KALSHI_HOME", str(home.path))

    code, said, wrong = shell.run(f"db restore {file}")
    assert code == OK, wrong

    name = loaded_stand.database.dbname
    assert said.split(" in ")[0] == name
    with EmbeddedServer(home.postgres) as server:
        server.start()
        assert orders(server.start().with_database(name)) == orders(loaded_stand.database.url)
    code, _, said = shell.run(f"db restore {file}")
    assert code == SETTINGS
    assert f"mv {home.postgres} {home.postgres}-broken" in said


def test_a_backup_goes_into_an_empty_external_database_once(
    loaded_stand: Stand, shell: Shell, file: Path, make_database: DatabaseMaker
) -> None:
    url = make_database()
    loaded_stand.patch.setenv("KALSHI_DATABASE_URL", url)
    assert shell.run(f"db restore {file}")[0] == OK
    assert orders(url) == orders(loaded_stand.database.url)
    code, _, said = shell.run(f"db restore {file}")
    assert code == SETTINGS
    assert "holds data already" in said


def test_what_cannot_be_dumped_or_restored_is_said_in_a_line(
    loaded_stand: Stand, shell: Shell, file: Path, tmp_path: Path
) -> None:
    code, _, said = shell.run(f"db dump {file}")
    assert (code, said) == (SETTINGS, f"kalshi-assets: {file} cannot be made: File exists\n")
    wrong = tmp_path / "wrong.dump"
    wrong.write_text("no backup")
    code, _, said = shell.run(f"db restore {wrong}")
    assert code == SETTINGS
    assert f"{wrong} is no backup" in said
    with loaded_stand.patch.context() as patch:
        patch.setenv("PGOPTIONS", "-c no_such_setting=1")
        code, _, said = shell.run(f"db dump {tmp_path / 'none.dump'}")
    assert code == FAILED
    assert "pg_dump failed" in said
    assert not (tmp_path / "none.dump").exists()
