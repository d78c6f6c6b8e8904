"""`arm` and `disarm`: real money moves for some hours, after 14 days in which the ledger was right.

The evidence is a ledger of paper or demo. A replay of a local exchange is none: its database has
another identity. Without evidence it takes a sentence, typed in full, which is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import ConfigurationError, NotReconciled, StorageError
from kalshi_assets.runtime.database import database_name
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.trading import at_work, operator
from kalshi_assets.settings import Settings
from kalshi_assets.storage import arming
from kalshi_assets.storage.embedded import running_server
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.evidence import Evidence, reconciled_days

DAYS_NEEDED = 14
MOST_HOURS = 168.0
EVIDENT = ("paper", "demo")
OVERRIDE = "I trade real money without 14 days of reconciled ledger"


@dataclass(frozen=True)
class Armed:
    """Until when, by the wall clock, and on what ground."""

    until: datetime
    because: str


def arm_trading(given: Settings, *, hours: float, ledger: str | None, override: str) -> Armed:
    """Arm what runs here, on evidence or on the override.

    Raises:
        ConfigurationError: another venue, an impossible time, or not the override's very words.
        NotReconciled: no ledger shows the days that it takes.
    """
    if not 0 < hours <= MOST_HOURS:
        raise ConfigurationError(f"--hours {hours:g} is not above 0 and at most {MOST_HOURS:g}")
    if override not in ("", OVERRIDE):
        raise ConfigurationError(f'--override {override!r} is not the sentence: "{OVERRIDE}"')
    with at_work(given) as (settings, database):
        if settings.venue != "live":
            raise ConfigurationError(
                f"the venue {settings.venue} moves no real money: only live has to be armed"
            )
        because = "by override, without evidence" if override else _evidence(settings, ledger)
        until = wall_now() + timedelta(hours=hours)
        with database.transaction() as connection:
            arming.arm(connection, until=until, by=operator(), override=override)
        return Armed(until, because)


def disarm_trading(given: Settings) -> None:
    """Disarm what runs here."""
    with at_work(given) as (_, database), database.transaction() as connection:
        arming.disarm(connection, by=operator())


def _evidence(settings: Settings, ledger: str | None) -> str:
    """Return what a ledger shows, where it is enough.

    Raises:
        NotReconciled: it is not; the message says what each ledger shows.
    """
    urls = _own_ledgers(settings) if ledger is None else [ledger]
    shown = []
    for url in urls:
        with _looked_at(url) as database:
            found = _shown_by(database)
            if found.identity in EVIDENT and found.is_right(DAYS_NEEDED):
                return f"{found.sentence} in {database.dbname} ({found.identity})"
            shown.append(f"{database.dbname} ({found.identity}) shows {found.sentence}")
    raise NotReconciled(
        f"no ledger of paper or demo shows {DAYS_NEEDED} days that ended in agreement with the "
        f"venue: {'; '.join(shown) or 'none is here'}; name one with --ledger"
    )


def _shown_by(database: Database) -> Evidence:
    try:
        with database.transaction() as connection:
            return reconciled_days(connection, newest=DAYS_NEEDED)
    except StorageError as exc:
        raise NotReconciled(f"{database.name} cannot be looked into: {exc}") from exc


def _own_ledgers(settings: Settings) -> list[str]:
    """Return the ledgers of paper and demo on the embedded server of this home, if it runs."""
    home = Home(settings.home)
    server = running_server(home.postgres) if home.postgres.exists() else None
    if server is None:
        return []
    found = []
    for identity in EVIDENT:
        url = server.with_database(database_name(identity))
        with _looked_at(url) as database:
            try:
                with database.transaction():
                    found.append(url)
            except StorageError:
                continue  # it was never made
    return found


@contextmanager
def _looked_at(url: str) -> Iterator[Database]:
    database = Database(url, is_looked_at_only=True)
    try:
        yield database
    finally:
        database.dispose()
