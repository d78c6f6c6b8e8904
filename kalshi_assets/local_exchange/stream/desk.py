"""What every connection is granted, and what a session needs of the hub it belongs to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kalshi_assets.local_exchange.stream.board import Board


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """What a connection may ask of the exchange.

    Attributes:
        buffer: messages of one subscription that may wait for a slow client.
        markets: markets a connection may name, added up over its channels.
        commands_per_second: of real time.
        monotonic: seconds of real time.
    """

    buffer: int = 10_000
    markets: int = 500_000
    commands_per_second: int = 10_000
    monotonic: Callable[[], float] = time.monotonic


class Desk(Protocol):
    """What a session needs of the hub it belongs to."""

    board: Board
    terms: StreamTerms
    reached_ms: int

    def advance(self) -> None:
        """Bring every session up to the venue's moment."""
        ...

    def rewatch(self) -> None:
        """Follow the markets that are subscribed to now."""
        ...
