"""What `doctor` and `status` find of the alerts: whether they are sent, and what failed last."""

from collections.abc import Sequence
from dataclasses import dataclass

from kalshi_assets.errors import ConfigurationError, StorageError
from kalshi_assets.runtime.children import recorded_children
from kalshi_assets.runtime.findings import Finding, skipped
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import Installation, database_of, run_folder
from kalshi_assets.settings import Settings
from kalshi_assets.storage.alerts import Delivery, delivery_health

CHILD = "alerts"
TRY_THEM = "run `kalshi-assets alerts --test` with its settings, and correct KALSHI_ALERT_URLS"


@dataclass(frozen=True)
class AlertsSeen:
    """The alert service of a running installation.

    Attributes:
        is_set: a channel or a heartbeat was set at its start.
        is_alive: its process lives.
        newest: each channel's newest try in this start.
    """

    is_set: bool
    is_alive: bool
    newest: Sequence[Delivery]

    @property
    def is_well(self) -> bool:
        """Tell whether everything that was to be sent was sent."""
        return not self.is_set or (self.is_alive and all(d.is_ok for d in self.newest))

    def as_text(self) -> str:
        """Return it in one line."""
        if not self.is_set:
            return "no channel is set"
        told = [_told(delivery) for delivery in self.newest]
        if not self.is_alive:
            told.insert(0, "NOT SENT, the service has ended")
        return "; ".join(told) or "nothing was to be sent since the start"


def alerts_seen(home: Home, newest: Sequence[Delivery]) -> AlertsSeen:
    """Return the alert service of what runs on a home. Nothing is changed."""
    children = recorded_children(run_folder(home))
    return AlertsSeen(CHILD in children, children.get(CHILD, False), newest)


def alerts_finding(home: Home, running: Installation | None, *, given: Settings | None) -> Finding:
    """Return whether alerts reach somebody."""
    if running is None:
        return _at_rest(given)
    try:
        seen = alerts_seen(home, _newest(home, running, given))
    except (ConfigurationError, StorageError):
        remedy = "see the line database; then run doctor again"
        return Finding("alerts", "warning", "not known: the database gives no answer", remedy)
    if seen.is_well:
        return Finding("alerts", "ok", seen.as_text())
    log = run_folder(home) / f"{CHILD}.log"
    remedy = TRY_THEM if seen.is_alive else f"read {log}; then start again"
    return Finding("alerts", "warning", seen.as_text(), remedy)


def _at_rest(given: Settings | None) -> Finding:
    if given is None:
        return skipped("alerts")
    count = len(given.alert_addresses)
    if not count:
        return Finding("alerts", "ok", "no channel is set")
    return Finding("alerts", "ok", f"{count} set: `kalshi-assets alerts --test` tries each")


def _newest(home: Home, running: Installation, given: Settings | None) -> list[Delivery]:
    database = database_of(running, home, given=given)
    try:
        with database.transaction() as connection:
            return delivery_health(connection, since=running.started_at)
    finally:
        database.dispose()


def _told(delivery: Delivery) -> str:
    at = f"{delivery.at:%Y-%m-%d %H:%M:%S} UTC"
    if delivery.is_ok:
        return f"{delivery.channel} ok at {at}"
    tries = "1 try" if delivery.attempt == 1 else f"{delivery.attempt} tries"
    return f"{delivery.channel} FAILED at {at} after {tries}: {delivery.detail}"
