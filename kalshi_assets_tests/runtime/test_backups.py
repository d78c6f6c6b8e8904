"""A backup of what runs, and a new database made of it."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from psycopg import connect
from pydantic import SecretStr

from kalshi_assets.runtime.home import Home
from kalshi_assets.storage.embedded import EmbeddedServer
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.execution.trading_floor import judge_and_place
from kalshi_assets_tests.runtime.commands import FAILED, OK, SETTINGS, Shell, installed
from kalshi_assets_tests.stand import DatabaseMaker, Stand

BACKUP = Path(__file__).parents[2] / "deploy" / "bin" / "backup"


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


def states(url: str) -> list[tuple[object, ...]]:
    with connect(url.replace("+psycopg", "")) as connection:
        query = "SELECT state, cause FROM kalshi.trading_state ORDER BY state_id"
        return connection.execute(query).fetchall()


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
        assert states(server.start().with_database(name)) == [("halted", "restore")]
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


def test_what_is_restored_trades_only_after_it_was_compared_with_the_venue(
    loaded_stand: Stand, shell: Shell, file: Path, make_database: DatabaseMaker
) -> None:
    url = make_database()
    loaded_stand.change(database_url=SecretStr(url))
    _, said, _ = shell.run(f"db restore {file}")
    assert "is restored, and halted: start it, then `kalshi-assets resume`" in said

    prepare(Database(url), identity=loaded_stand.settings.identity, now=loaded_stand.now)
    assert states(url) == [("halted", "restore")], "a start does not end it"
    with installed(loaded_stand):
        assert "halted by restore: a backup was restored" in shell.run("status")[1]
        code, _, wrong = shell.run("resume --why compared")
    assert code == OK, wrong
    assert states(url) == [("halted", "restore"), ("active", "command")]


def test_the_nightly_script_leaves_a_backup_that_is_whole_or_nothing(
    loaded_stand: Stand, shell: Shell, make_database: DatabaseMaker, tmp_path: Path
) -> None:
    judge_and_place(loaded_stand)
    folder = tmp_path / "backups"
    folder.mkdir()
    environ = {**os.environ, "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}
    words = [str(BACKUP), str(folder), "2"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    [file] = folder.iterdir()

    url = make_database()
    loaded_stand.patch.setenv("KALSHI_DATABASE_URL", url)
    assert shell.run(f"db restore {file}")[0] == OK
    assert orders(url) == orders(loaded_stand.database.url) != []

    environ["PGOPTIONS"] = "-c no_such_setting=1"
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == FAILED
    assert "pg_dump failed" in done.stderr
    assert list(folder.iterdir()) == [file]


def test_what_cannot_be_halted_is_not_restored(
    loaded_stand: Stand, shell: Shell, tmp_path: Path, make_database: DatabaseMaker
) -> None:
    loaded_stand.execute("DROP TABLE kalshi.trading_state")
    assert shell.run(f"db dump {tmp_path / 'old.dump'}")[0] == OK
    url = make_database()
    loaded_stand.patch.setenv("KALSHI_DATABASE_URL", url)
    assert shell.run(f"db restore {tmp_path / 'old.dump'}")[0] == FAILED
    with connect(url) as connection:
        assert connection.execute("SELECT to_regnamespace('kalshi')").fetchone() == (None,)


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
