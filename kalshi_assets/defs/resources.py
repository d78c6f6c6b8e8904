"""Settings, clock, database and exchange, handed to every asset, check and sensor as `platform`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cached_property

import dagster as dg

from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.analytics.sequence import SequenceRules
from kalshi_assets.domain.calendar import CollectionCalendar
from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.price import MICROS_PER_CENT
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.execution.desk import Desk, exit_rules_of
from kalshi_assets.execution.opening import open_client, open_desk, trading_database
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.settings import Settings, load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import price_grids
from kalshi_assets.strategy.exits import ExitRules


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

    @cached_property
    def ledger(self) -> Database:
        """Return the database as the trading role sees it."""
        return trading_database(self.database)

    @cached_property
    def _desks(self) -> dict[str, Desk]:
        """Return the desks that are open, by run."""
        return {}

    @cached_property
    def _open(self) -> ExitStack:
        """Return what closes the desks."""
        return ExitStack()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of a run, or of a sensor's tick."""
        self.close()

    def close(self) -> None:
        """Close the desks that were opened, and the connections that were used."""
        self._desks.clear()
        with ExitStack() as afterwards:
            for name in ("database", "ledger"):
                if name in self.__dict__:
                    afterwards.callback(self.__dict__[name].dispose)
            self._open.close()

    @property
    def has_exit_rules(self) -> bool:
        """Tell whether anything may be sold before it settles."""
        return exit_rules_of(self.settings) != ExitRules()

    @property
    def collection(self) -> CollectionCalendar:
        """Return when quotes are collected."""
        return CollectionCalendar(self.settings.collection_start, self.settings.collection_end)

    def cleaning_rules(self) -> CleaningRules:
        """Return the limits of cleaning, with the price grids of all markets known."""
        with self.database.transaction() as connection:
            grids = price_grids(connection)
        return CleaningRules(
            max_quote_age_seconds=self.settings.max_quote_age_seconds,
            grids=grids,
            collection=self.collection,
            sequence=SequenceRules(
                frozen_after=timedelta(seconds=self.settings.frozen_after_seconds),
                max_quiet_jump=round(self.settings.max_quiet_jump_points * MICROS_PER_CENT),
            ),
        )

    @contextmanager
    def client(self, *, on_call: Callable[[ApiCall], None] | None = None) -> Iterator[KalshiClient]:
        """Yield a client of the exchange, signing where a key is set."""
        with open_client(self.settings, self.database, on_call=on_call) as client:
            yield client

    @contextmanager
    def desk(self, run_id: str) -> Iterator[Desk]:
        """Yield the tools of execution for one run: its steps share them, and their connections."""
        if run_id not in self._desks:
            opening = open_desk(self.settings, self.database, run_id=run_id, ledger=self.ledger)
            self._desks[run_id] = self._open.enter_context(opening)
        yield self._desks[run_id]
