"""Lets sensors that wait answer at once: the code server waits for them before it ends.

A program of its own as well, so that whoever looks after the processes needs no driver.
"""

from contextlib import suppress

from kalshi_assets.errors import StorageError
from kalshi_assets.settings import load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.tidings import STOP_CHANNEL, wake


def end_waiting(database: Database) -> None:
    """Wake all who wait. Where the database has gone, nobody waits any more."""
    with suppress(StorageError), database.transaction() as connection:
        wake(connection, STOP_CHANNEL)


if __name__ == "__main__":
    url = load_settings().database_url
    if url is not None:
        end_waiting(Database(url.get_secret_value()))
