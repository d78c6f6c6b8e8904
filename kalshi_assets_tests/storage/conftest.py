"""One migrated database for the folder; what a test writes through `connection` is rolled back."""

from collections.abc import Iterator

import pytest

from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.stand import MOMENT, DatabaseMaker


@pytest.fixture(scope="session")
def prepared(make_database: DatabaseMaker) -> Iterator[Database]:
    """A migrated database that stays as it is."""
    database = Database(make_database())
    prepare(database, identity="tests", now=MOMENT)
    yield database
    database.dispose()


@pytest.fixture
def connection(prepared: Database) -> Iterator[Connection]:
    """A connection whose work is undone."""
    with prepared.engine.connect() as connection:
        yield connection
        connection.rollback()
