"""The alert service: sends what is kept, watches the feed, gives the heartbeat.

A process of its own. Whatever becomes of it or of a channel, trading goes on; that it ended is seen
in `doctor`, and outside by the heartbeat that stops.
"""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from time import sleep

from kalshi_assets.domain.calendar import CollectionCalendar
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import ConfigurationError, StorageError
from kalshi_assets.runtime.alert_channels import channels_of
from kalshi_assets.runtime.alert_sender import Sender
from kalshi_assets.runtime.background import in_background
from kalshi_assets.runtime.feed_watch import FeedWatch, StreamWatch
from kalshi_assets.runtime.heartbeat import Heartbeat, ping
from kalshi_assets.settings import Settings
from kalshi_assets.storage.engine import ALERT_LOCK, Database

STEP_SECONDS = 2.0
TEST_SECONDS = 30.0
_logger = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until interrupted; the database may go away and come back meanwhile.

    Raises:
        ConfigurationError: no database is given, or there is nothing to serve.
    """
    require_use(settings)
    if settings.database_url is None:
        raise ConfigurationError(
            "KALSHI_DATABASE_URL is not set: `kalshi-assets demo` and `up` start this service; "
            "beside a bare `dagster dev`, first eval $(kalshi-assets db env)"
        )
    _log_only_ours()
    service = Service.of(settings, Database(settings.database_url.get_secret_value()))
    _logger.warning("alerts go to %s", ", ".join(c.name for c in service.sender.channels) or "none")
    while True:
        try:
            service.run()
        except StorageError as exc:
            _logger.warning("%s; trying again", exc)
        sleep(STEP_SECONDS)


def is_used(settings: Settings) -> bool:
    """Tell whether a channel or a heartbeat is set."""
    return settings.alert_urls is not None or settings.heartbeat_url is not None


def require_use(settings: Settings) -> None:
    """Check that there is something to serve.

    Raises:
        ConfigurationError: neither a channel nor a heartbeat is set.
    """
    if not is_used(settings):
        raise ConfigurationError(
            "neither KALSHI_ALERT_URLS nor KALSHI_HEARTBEAT_URL is set: README.md, Alerts, says how"
        )


def test_channels(settings: Settings) -> Mapping[str, str | None]:
    """Try every channel and the heartbeat; return by name None, or what went wrong."""
    require_use(settings)
    title, body = f"kalshi-assets {settings.identity}: test", "This channel works. Nothing to do."
    tries = {
        channel.name: in_background(partial(channel.send, title, body))
        for channel in channels_of(settings.alert_addresses)
    }
    if settings.heartbeat_url is not None:
        tries["heartbeat"] = in_background(partial(ping, settings.heartbeat_url))
    deadline = wall_now() + timedelta(seconds=TEST_SECONDS)
    while wall_now() < deadline and not all(outcome.done() for outcome in tries.values()):
        sleep(0.05)
    unanswered = f"no answer within {TEST_SECONDS:g} s"
    return {n: o.result() if o.done() else unanswered for n, o in tries.items()}


@dataclass(frozen=True)
class Service:
    """Everything the process does in turn, on one database."""

    database: Database
    clock: VenueClock
    sender: Sender
    feed: FeedWatch
    stream: StreamWatch | None
    heartbeat: Heartbeat | None

    @classmethod
    def of(cls, settings: Settings, database: Database) -> "Service":
        """Return the service that settings ask for."""
        clock = VenueClock.parse(settings.venue_clock)
        every = timedelta(seconds=settings.heartbeat_seconds)
        url = settings.heartbeat_url
        calendar = CollectionCalendar(settings.collection_start, settings.collection_end)
        return cls(
            database=database,
            clock=clock,
            sender=Sender(
                database,
                channels_of(settings.alert_addresses),
                kinds=settings.alerts,
                source=f"kalshi-assets {settings.identity}",
            ),
            feed=FeedWatch(calendar, settings.poll_seconds, clock.now()),
            stream=StreamWatch(clock, clock.now()) if settings.feed == "stream" else None,
            heartbeat=None if url is None else Heartbeat(url, every),
        )

    def run(self, *, stop: Event | None = None) -> None:
        """Do all of it again and again while this process alone may, until `stop` is set.

        Raises:
            StorageError: the database gives no answer.
        """
        stop = stop or Event()
        with self.database.advisory_lock(ALERT_LOCK) as is_ours:
            if not is_ours:
                _logger.warning("another process sends the alerts of %s", self.database.name)
                return
            while not stop.is_set():
                self.step(wall_now())
                stop.wait(STEP_SECONDS)

    def step(self, now: datetime) -> None:
        """Do everything once at a moment of the wall clock.

        Raises:
            StorageError: the database gives no answer; then there is no heartbeat either.
        """
        with self.database.transaction() as connection:
            self.feed.step(connection, self.clock.at(now))
            if self.stream is not None:
                self.stream.step(connection, now)
        self.sender.step(now)
        if self.heartbeat is not None:
            self.heartbeat.step(now)


def _log_only_ours() -> None:
    """Log what this project says to stderr, and nothing else: foreign words may hold secrets."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    ours = logging.getLogger("kalshi_assets")
    ours.addHandler(handler)
    ours.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
