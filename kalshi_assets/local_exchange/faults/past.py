"""Markets as they stood before a fault began: what a frozen or a stale feed still shows."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kalshi_assets.local_exchange.book import Book
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.orders import Orders
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Listing, Tape
from kalshi_assets.local_exchange.units import HOUR_MS, count_text

# An hour more than the three after which an unchanged quote is called frozen.
FROZEN_BEFORE_START_MS = 4 * HOUR_MS
STALE_BEFORE_START_MS = HOUR_MS
SIZES = ("yes_bid_size_fp", "yes_ask_size_fp")

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The payload of a market at a moment."""

    ms: int
    view: View


@dataclass(frozen=True, slots=True)
class RememberedMarket:
    """A market, and the snapshots that faults show in place of the present."""

    listing: Listing
    frozen: Snapshot
    stale: Snapshot


def remember(tape: Tape, since_ms: Mapping[str, int]) -> dict[str, RememberedMarket]:
    """Return markets as the tape alone had made them before their moments, by ticker."""
    # An exchange nobody trades on: orders of today must not show in a quote of the past.
    with closing(Store(None)) as untouched:
        past = _Past(tape, untouched)
        return {
            ticker: RememberedMarket(
                tape.listings[ticker],
                frozen=past.before(ticker, ms, FROZEN_BEFORE_START_MS),
                stale=past.before(ticker, ms, STALE_BEFORE_START_MS),
            )
            for ticker, ms in since_ms.items()
        }


class _Past:
    def __init__(self, tape: Tape, store: Store) -> None:
        self._tape = tape
        self._markets = MarketView(tape, Book(store, tape, Orders(store)), store)

    def before(self, ticker: str, ms: int, span_ms: int) -> Snapshot:
        """Return a market as it stood then; as at `ms` if it was not open or not quoted."""
        listing = self._tape.listings[ticker]
        then = self._at(listing, ms - span_ms)
        is_quoted = any(then.view[size] != count_text(0) for size in SIZES)
        return then if is_quoted else self._at(listing, ms)

    def _at(self, listing: Listing, ms: int) -> Snapshot:
        return Snapshot(ms, self._markets.market(listing, ms))
