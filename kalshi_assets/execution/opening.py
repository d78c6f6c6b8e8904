"""Opens what execution works with: a client of the exchange, and the desk on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.price import micros
from kalshi_assets.execution.code_version import code_version
from kalshi_assets.execution.desk import Desk, free_bytes, limits_of
from kalshi_assets.execution.paper import PaperVenue
from kalshi_assets.execution.venue import Venue
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.breaker import Breaker
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.shared_limits import shared_limits
from kalshi_assets.settings import Settings, public_values
from kalshi_assets.storage.api_calls import CallLog
from kalshi_assets.storage.breaker import StoredBreaker
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.roles import TRADING_ROLE
from kalshi_assets.storage.settings_history import note_settings


@contextmanager
def open_client(
    settings: Settings, database: Database, *, on_call: Callable[[ApiCall], None] | None = None
) -> Iterator[KalshiClient]:
    """Yield a client of the exchange, signing where a key is set; `on_call` is told of each call.

    Its rate limits are shared with all processes of this machine, its breaker's state and its call
    log with all that use the database. A breaker that opens halts trading.
    """
    url, host, signer = settings.api_base_url, settings.api_host, _signer(settings)
    limits = shared_limits(url, None if signer is None else signer.key_id)
    clock = VenueClock.parse(settings.venue_clock)
    breaker = Breaker(host, StoredBreaker(database, host, clock=clock))
    with (
        CallLog(database, on_call=on_call, clock=clock) as calls,
        KalshiClient(url, auth=signer, limits=limits, breaker=breaker, calls=calls) as client,
    ):
        yield client


def trading_database(database: Database) -> Database:
    """Return the database on connections of their own, which act as the trading role."""
    return Database(database.url, role=TRADING_ROLE)


@contextmanager
def open_desk(
    settings: Settings, database: Database, *, run_id: str, ledger: Database | None = None
) -> Iterator[Desk]:
    """Yield the tools of execution for one run; paper orders stay in our database.

    The ledger is written as the trading role: on the connections of `ledger`, or on new ones.
    """
    clock = VenueClock.parse(settings.venue_clock)
    trading = trading_database(database) if ledger is None else ledger
    try:
        with trading.transaction() as connection:
            in_force = note_settings(
                connection, public_values(settings), code=code_version(), at=clock.now()
            )
        with open_client(settings, database) as client:
            venue: Venue = client
            if settings.venue == "paper":
                cash = micros(settings.paper_cash_usd)
                venue = PaperVenue(client, database, clock=clock, starting_cash=cash)
            yield Desk(
                database=trading,
                venue=venue,
                clock=clock,
                limits=limits_of(settings),
                order_ttl_seconds=settings.order_ttl_seconds,
                run_id=run_id,
                settings_id=in_force,
                api_host=settings.api_host,
                needs_arming=settings.venue == "live",
                clock_offset_seconds=lambda: client.clock_offset_seconds,
                disk_free_bytes=lambda: free_bytes(settings.home),
            )
    finally:
        if ledger is None:
            trading.dispose()


def _signer(settings: Settings) -> RequestSigner | None:
    key_id, path = settings.api_key_id, settings.private_key_path
    return None if key_id is None or path is None else RequestSigner(key_id, path)
