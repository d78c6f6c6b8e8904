"""Fixtures of all tests: one real Postgres for the session, a database of its own for each test."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from kalshi_assets.execution.books import open_books
from kalshi_assets.storage.embedded import EmbeddedServer
from kalshi_assets.storage.embedded.home import SHARED
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets_tests.stand import (
    MOMENT,
    DatabaseMaker,
    Stand,
    clone_database,
    drop_database,
    forget_safety,
    standing,
    unset_settings,
)

_NUMBERS = count(1)


def pytest_configure() -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that two processes end at the same time."""
    items.sort(key=lambda item: item.path.parent.name not in ("browser", "runtime"))


@pytest.fixture(scope="session", autouse=True)
def _no_data_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove the databases of this session: as root, their data may lie outside of its folder."""
    yield
    mine = tmp_path_factory.getbasetemp()
    for claim in SHARED.glob("*.claim") if SHARED.is_dir() else ():
        with suppress(OSError):
            if Path(claim.read_text().strip()).is_relative_to(mine):
                shutil.rmtree(claim.with_suffix(""), ignore_errors=True)
                claim.unlink()


@pytest.fixture(scope="session")
def server_url(_no_data_left: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres server: the one in TEST_DATABASE_URL, else an embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedServer(tmp_path_factory.mktemp("server") / "postgres") as server:
        url = server.start().url
        forget_safety(url)
        yield url


@pytest.fixture(scope="session")
def make_database(server_url: str) -> DatabaseMaker:
    """Return a maker of empty databases."""
    return lambda: create_database(server_url, f"test_{os.getpid()}_{next(_NUMBERS)}")


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    unset_settings(monkeypatch, list(os.environ))


@pytest.fixture(scope="session")
def make_migrated(server_url: str, make_database: DatabaseMaker) -> DatabaseMaker:
    """Return a maker of databases that have our tables, and are nobody's yet: clones of one."""
    template = Database(make_database())
    prepare(template, identity="a template", now=MOMENT)
    with template.transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM kalshi.installation"))
    template.dispose()
    return lambda: clone_database(server_url, template.url, f"test_{os.getpid()}_{next(_NUMBERS)}")


@pytest.fixture
def stand(
    make_migrated: DatabaseMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stand]:
    """A stand at the scenario's moment, nothing loaded yet."""
    monkeypatch.chdir(tmp_path)
    with standing(make_migrated(), tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="session")
def loaded_database(make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the history loaded and one poll done: a template, to be cloned."""
    url, folder = make_database(), tmp_path_factory.mktemp("loaded")
    with pytest.MonkeyPatch.context() as patch:
        unset_settings(patch, list(os.environ))
        patch.chdir(folder)
        with standing(url, folder, patch) as loaded:
            loaded.load_history()
            loaded.poll()
            loaded.run("markets_job")  # for the one verdict that no poll gives
            with loaded.desk() as desk:
                open_books(desk)
    return url


@pytest.fixture
def loaded_stand(
    server_url: str, loaded_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stand]:
    """A stand at the scenario's moment, the history loaded and one poll done."""
    monkeypatch.chdir(tmp_path)
    url = clone_database(server_url, loaded_database, f"test_{os.getpid()}_{next(_NUMBERS)}")
    with standing(url, tmp_path, monkeypatch, is_prepared=True) as made:
        yield made
    drop_database(server_url, url)
