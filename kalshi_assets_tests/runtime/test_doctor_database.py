"""`doctor` on the database: what a start would refuse is told before, and nothing is changed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from kalshi_assets.runtime.processes import free_port
from kalshi_assets.storage import condition, migrate
from kalshi_assets.storage.embedded import EmbeddedServer
from kalshi_assets.storage.embedded.folder import DataFolder
from kalshi_assets_tests.runtime.commands import FAILED, OK, Shell, installed, look
from kalshi_assets_tests.stand import DatabaseMaker, Stand


def forget_the_revision(stand: Stand) -> None:
    stand.execute("DROP TABLE kalshi.alembic_version")


def come_from_the_future(stand: Stand) -> None:
    stand.execute("UPDATE kalshi.alembic_version SET version_num = '9999'")


def belong_to_live(stand: Stand) -> None:
    stand.execute("UPDATE kalshi.installation SET identity = 'live'")


def be_too_old_a_server(stand: Stand) -> None:
    stand.patch.setattr(condition, "MINIMUM_SERVER", 990_000)


def be_stopped(stand: Stand) -> None:
    stand.patch.setenv("KALSHI_DATABASE_URL", f"postgresql://kalshi@127.0.0.1:{free_port()}/kalshi")


@pytest.mark.parametrize(
    ("spoil", "named", "remedy"),
    [
        (forget_the_revision, "half migrated", "backup"),
        (come_from_the_future, "schema 9999 is unknown", "install the version that wrote it"),
        (belong_to_live, "holds the data of 'live'", "KALSHI_DATABASE_URL"),
        (be_too_old_a_server, "15 or newer is needed", "newer server"),
        (be_stopped, "does not answer", "start that server"),
    ],
)
def test_a_database_that_cannot_be_used_fails(
    spoil: Callable[[Stand], None], named: str, remedy: str, stand: Stand, shell: Shell
) -> None:
    spoil(stand)
    code, state, found, what_to_do = look(shell, "database")
    assert (code, state) == (FAILED, "failed")
    assert named in found
    assert remedy in what_to_do


def test_an_empty_database_is_made_at_the_next_start(
    stand: Stand, shell: Shell, make_database: DatabaseMaker
) -> None:
    stand.patch.setenv("KALSHI_DATABASE_URL", make_database())
    code, state, found, _ = look(shell, "database")
    assert (code, state) == (OK, "ok")
    assert "the next start makes the tables" in found


def add_a_migration(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let this version know one migration more than the database has had."""
    scripts = Path(migrate.__file__).parent / "migrations"
    shutil.copytree(scripts, folder / "migrations")
    head = ScriptDirectory.from_config(migrate.alembic_config()).get_current_head()
    (folder / "migrations" / "versions" / "newer.py").write_text(
        f"revision, down_revision = 'newer', {head!r}\n\n\ndef upgrade() -> None:\n    pass\n"
    )
    config = migrate.alembic_config()
    config.set_main_option("script_location", str(folder / "migrations"))
    patch.setattr(condition, "alembic_config", lambda: config)


def test_a_schema_of_an_older_version_is_migrated_by_the_next_start(
    stand: Stand, shell: Shell, tmp_path: Path
) -> None:
    add_a_migration(tmp_path, stand.patch)
    code, state, found, remedy = look(shell, "database")
    assert (code, state) == (OK, "warning")
    assert "this version works with newer" in found
    assert "the next start migrates it" in remedy
    with installed(stand):
        code, state, _, remedy = look(shell, "database")
    assert (code, state) == (FAILED, "failed")
    assert "start it again" in remedy


def test_the_embedded_server_at_rest_is_ok_if_its_data_can_be_started(
    keyless: Stand, shell: Shell
) -> None:
    keyless.patch.delenv("KALSHI_DATABASE_URL")
    data = keyless.settings.home / "postgres"
    with EmbeddedServer(data):
        assert "PostgreSQL 18" in look(shell, "database")[2]
    _, state, found, _ = look(shell, "database")
    assert state == "ok"
    assert f"{data} is usable" in found

    place = DataFolder(data).home()
    assert place is not None
    (place / "cluster" / "PG_VERSION").write_text("17")
    code, state, found, remedy = look(shell, "database")
    assert (code, state) == (FAILED, "failed")
    assert "PostgreSQL 17" in found
    assert "KALSHI_HOME" in remedy


def test_a_folder_with_something_else_is_not_taken_for_a_database(
    keyless: Stand, shell: Shell
) -> None:
    keyless.patch.delenv("KALSHI_DATABASE_URL")
    data = keyless.settings.home / "postgres"
    data.mkdir(parents=True)
    (data / "thesis.txt").write_text("mine")
    code, state, found, _ = look(shell, "database")
    assert (code, state) == (FAILED, "failed")
    assert "thesis.txt" in found
