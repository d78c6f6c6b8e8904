"""The faults by name, and how they are asked for."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from kalshi_assets.local_exchange.errors import UnknownFault
from kalshi_assets.local_exchange.faults import alterations
from kalshi_assets.local_exchange.faults.past import RememberedMarket, View

FROZEN_FEED = "frozen-feed"
EMPTY_FEED = "empty-feed"
SERVER_ERRORS = "server-errors"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        description: one line for help and documents.
        alter: turns the payload of one market into what the answer shows in its place: mostly one
            payload, none for a market that is missing, two for one that comes twice.
    """

    description: str
    alter: Callable[[View, RememberedMarket], list[View]]


KINDS = {
    FROZEN_FEED: Kind(
        "quotes stand still from four hours before the start; volume and trades go on",
        alterations.frozen_feed,
    ),
    "stale-feed": Kind(
        "quotes and counters stay those of an hour before the start, and say so",
        alterations.stale_feed,
    ),
    "crossed-book": Kind(
        "the bid is two cents above the ask",
        alterations.crossed_book,
    ),
    EMPTY_FEED: Kind(
        "answers come without the market; on all markets they come empty",
        alterations.missing_market,
    ),
    "missing-field": Kind(
        "the payload has no yes_bid_dollars",
        alterations.missing_field,
    ),
    "wrong-type": Kind(
        "yes_bid_dollars is a JSON number, not a string",
        alterations.wrong_type,
    ),
    "duplicate-ticks": Kind(
        "the market comes twice in one answer",
        alterations.duplicate_ticks,
    ),
    SERVER_ERRORS: Kind(
        "calls for quotes and order books are answered with 503",
        alterations.missing_market,
    ),
    "off-grid": Kind(
        "bid and ask are half a tick off the market's price grid",
        alterations.off_grid,
    ),
    "contract-roll": Kind(
        "volume and open interest count anew from an hour before the start",
        alterations.contract_roll,
    ),
    "zero-coded": Kind(
        "prices and sizes are zero where they are not known",
        alterations.zero_coded,
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that holds.

    Attributes:
        name: one of `known_faults()`.
        ticker: the market it is on; None for all markets.
        since_ms: when it began; None for the tape's start.
    """

    name: str
    ticker: str | None = None
    since_ms: int | None = None

    def is_on(self, ticker: str) -> bool:
        """Tell whether a market has this fault."""
        return self.ticker in (None, ticker)


def known_faults() -> list[str]:
    """Return the names of all faults."""
    return list(KINDS)


def fault_descriptions() -> dict[str, str]:
    """Return a line for each fault, by name: what it does."""
    return {name: kind.description for name, kind in KINDS.items()}


def parse_faults(texts: Sequence[str], tickers: Collection[str]) -> tuple[Fault, ...]:
    """Read faults as they are asked for: `NAME` on all markets, `NAME:TICKER` on one.

    Args:
        texts: in the order in which they are to take effect.
        tickers: the tape's markets.

    Raises:
        UnknownFault: if there is no such fault, or no such market.
    """
    return tuple(_parse(text, tickers) for text in texts)


def _parse(text: str, tickers: Collection[str]) -> Fault:
    name, separator, ticker = text.partition(":")
    if name not in KINDS:
        raise UnknownFault(f"fault {text!r} is unknown: it is none of {', '.join(KINDS)}")
    if separator and ticker not in tickers:
        raise UnknownFault(
            f"market {ticker!r} of fault {text!r} is not on the tape: it has {', '.join(tickers)}"
        )
    return Fault(name, ticker if separator else None)
