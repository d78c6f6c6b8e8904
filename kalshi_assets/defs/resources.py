"""Settings, clock, database and exchange, handed to every asset, check and sensor as `platform`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property

import dagster as dg

from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.analytics.sequence import SequenceRules
from kalshi_assets.domain.calendar import CollectionCalendar
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.price import MICROS_PER_CENT, micros
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.execution.desk import Desk, free_bytes, limits_of
from kalshi_assets.execution.paper import PaperVenue
from kalshi_assets.execution.venue import Venue
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.breaker import Breaker
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.shared_limits import shared_limits
from kalshi_assets.settings import Settings, load_settings
from kalshi_assets.storage.api_calls import CallLog
from kalshi_assets.storage.breaker import StoredBreaker
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import known_markets


class Platform(dg.ConfigurableResource[None]):
    """What this installation works with. It has no fields of its own: settings decide all of it."""

    @cached_property
    def settings(self) -> Settings:
        """Return the settings of this process."""
        return load_settings()

    @cached_property
    def clock(self) -> VenueClock:
        """Return the venue's clock."""
        return VenueClock.parse(self.settings.venue_clock)

    @cached_property
    def database(self) -> Database:
        """Return the database; nothing is connected until it is used.

        Raises:
            ConfigurationError: no database was given; only `demo`, `up` and `db start` own one.
        """
        if self.settings.database_url is None:
            raise ConfigurationError(
                "KALSHI_DATABASE_URL is not set: start with `kalshi-assets demo` or `up`, or run "
                "`kalshi-assets db start` and then `eval $(kalshi-assets db env)`"
            )
        return Database(self.settings.database_url.get_secret_value())

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of a run, or of a sensor's tick."""
        if "database" in self.__dict__:
            self.database.dispose()

    @property
    def collection(self) -> CollectionCalendar:
        """Return when quotes are collected."""
        return CollectionCalendar(self.settings.collection_start, self.settings.collection_end)

    def cleaning_rules(self) -> CleaningRules:
        """Return the limits of cleaning, with the price grids of all markets known."""
        with self.database.transaction() as connection:
            known = known_markets(connection)
        return CleaningRules(
            max_quote_age_seconds=self.settings.max_quote_age_seconds,
            grids={ticker: row.market.grid for ticker, row in known.items()},
            collection=self.collection,
            sequence=SequenceRules(
                frozen_after=timedelta(seconds=self.settings.frozen_after_seconds),
                max_quiet_jump=round(self.settings.max_quiet_jump_points * MICROS_PER_CENT),
            ),
        )

    @contextmanager
    def client(self) -> Iterator[KalshiClient]:
        """Yield a client of the exchange, signing where a key is set.

        Its rate limits are shared with all processes of this machine, its breaker's state and its
        call log with all that use the database.
        """
        url, host, signer = self.settings.api_base_url, self.settings.api_host, self._signer()
        limits = shared_limits(url, None if signer is None else signer.key_id)
        breaker = Breaker(host, StoredBreaker(self.database, host))
        with (
            CallLog(self.database) as calls,
            KalshiClient(url, auth=signer, limits=limits, breaker=breaker, calls=calls) as client,
        ):
            yield client

    def _signer(self) -> RequestSigner | None:
        key_id, path = self.settings.api_key_id, self.settings.private_key_path
        return None if key_id is None or path is None else RequestSigner(key_id, path)

    @contextmanager
    def desk(self, run_id: str) -> Iterator[Desk]:
        """Yield the tools of execution for one run; paper orders stay in our database."""
        with self.client() as client:
            venue: Venue = client
            if self.settings.venue == "paper":
                cash = micros(self.settings.paper_cash_usd)
                venue = PaperVenue(client, self.database, clock=self.clock, starting_cash=cash)
            yield Desk(
                database=self.database,
                venue=venue,
                clock=self.clock,
                limits=limits_of(self.settings),
                order_ttl_seconds=self.settings.order_ttl_seconds,
                run_id=run_id,
                api_host=self.settings.api_host,
                needs_arming=self.settings.venue == "live",
                clock_offset_seconds=lambda: client.clock_offset_seconds,
                disk_free_bytes=lambda: free_bytes(self.settings.home),
            )
