"""The channels that alerts go to: e-mail, SMS, chat. The only importer of Apprise.

An address holds tokens and passwords, and Apprise and what it uses may log parts of it. So nothing
of theirs is ever logged, kept or shown: what went wrong is said in words of ours.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident

import apprise
from pydantic import SecretStr

_FOREIGN = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")
_STATUS = re.compile(r"error=(\d{3})\b")


@dataclass(frozen=True)
class Channel:
    """One way to reach a person. `name` is the service's, and its place among the addresses."""

    name: str
    _service: apprise.NotifyBase | None = field(repr=False)

    def send(self, title: str, body: str) -> str | None:
        """Send a message; return None, or why it was not delivered. May take long."""
        if self._service is None:
            return "Apprise cannot read this address in KALSHI_ALERT_URLS"
        with _overheard() as said:
            try:
                is_sent = self._service.notify(body=body, title=title)
            except Exception as exc:  # a plugin's; it is recorded by its name
                return f"not delivered: {type(exc).__name__}"
        return None if is_sent else _reason(said)


def channels_of(addresses: Sequence[SecretStr]) -> list[Channel]:
    """Return the channels; an address that cannot be read is one that never delivers."""
    channels = []
    with _overheard():
        asset = apprise.AppriseAsset(app_id="kalshi-assets", app_desc="", app_url="")
        for number, address in enumerate(addresses, start=1):
            secret = address.get_secret_value()
            service = apprise.Apprise.instantiate(secret, asset=asset, suppress_exceptions=True)
            name = "unreadable" if service is None else str(service.service_name)
            channels.append(Channel(f"{name} {number}", service))
    return channels


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Yield what foreign code logs meanwhile in this thread; none of it goes anywhere else."""
    ear = _Ear()
    loggers = [logging.getLogger(name) for name in _FOREIGN]
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(ear)
    try:
        yield ear.said
    finally:
        # one handler stays on each: without any, warnings would go to stderr
        for logger in loggers:
            logger.addHandler(_DEAF)
            logger.removeHandler(ear)


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.said.append(record.getMessage())


_DEAF = logging.NullHandler()


def _reason(said: Sequence[str]) -> str:
    """Return why a message was not delivered; of what was logged only a status may pass."""
    statuses = [found[1] for line in said if (found := _STATUS.search(line))]
    if statuses:
        return f"not delivered: the service answered {statuses[-1]}"
    if any("onnection" in line for line in said):
        return "not delivered: no connection"
    return "not delivered"
