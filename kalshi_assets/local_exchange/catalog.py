"""The markets a call may see, live or archived, and the events they belong to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.tape import Listing, Series, Tape
from kalshi_assets.local_exchange.tiers import Tiers


@dataclass(frozen=True, slots=True)
class Event:
    """What markets about one occurrence have in common: the tape knows no more of it."""

    ticker: str
    series: Series
    listings: Sequence[Listing]


class Catalog:
    """Looks markets and events up. All moments are venue time in ms.

    Args:
        tape: the markets.
        tiers: when they leave the live operations.
    """

    def __init__(self, tape: Tape, tiers: Tiers) -> None:
        self._tape = tape
        self._tiers = tiers
        groups = _grouped(tape.listings.values(), lambda one: one.event_ticker)
        self._events = {
            ticker: Event(ticker, tape.series[group[0].series_ticker], group)
            for ticker, group in groups.items()
        }
        self._by_series = _grouped(tape.listings.values(), lambda one: one.series_ticker)

    @property
    def listings(self) -> Sequence[Listing]:
        """All markets, archived ones too."""
        return list(self._tape.listings.values())

    @property
    def series(self) -> Sequence[tuple[Series, Sequence[Listing]]]:
        """All series that have markets, with these."""
        return [(self._tape.series[ticker], group) for ticker, group in self._by_series.items()]

    @property
    def events(self) -> Sequence[Event]:
        """All events: they stay when their markets are archived."""
        return list(self._events.values())

    def is_archived(self, listing: Listing, now_ms: int) -> bool:
        """Tell whether only the historical operations show a market."""
        return self._tiers.is_archived(listing, now_ms)

    def live(self, listings: Sequence[Listing], now_ms: int) -> list[Listing]:
        """Return those that are not archived."""
        return [one for one in listings if not self.is_archived(one, now_ms)]

    def known(self, tickers: Sequence[str], now_ms: int) -> list[Listing]:
        """Return the live markets among these, in this order; unknown tickers are left out."""
        found = [self._tape.listings[name] for name in tickers if name in self._tape.listings]
        return self.live(found, now_ms)

    def market(self, ticker: str, now_ms: int) -> Listing:
        """Return a live market.

        Raises:
            Refusal: 404 if there is none.
        """
        return self._one(ticker, now_ms, is_archived=False)

    def archived_market(self, ticker: str, now_ms: int) -> Listing:
        """Return an archived market.

        Raises:
            Refusal: 404 if there is none.
        """
        return self._one(ticker, now_ms, is_archived=True)

    def event(self, ticker: str) -> Event:
        """Return an event.

        Raises:
            Refusal: 404 if there is none.
        """
        if ticker not in self._events:
            raise Refusal.nested(404, "not_found")
        return self._events[ticker]

    def _one(self, ticker: str, now_ms: int, *, is_archived: bool) -> Listing:
        listing = self._tape.listings.get(ticker)
        if listing is None or self.is_archived(listing, now_ms) != is_archived:
            raise Refusal.nested(404, "not_found")
        return listing


def _grouped(
    listings: Iterable[Listing], key: Callable[[Listing], str]
) -> dict[str, list[Listing]]:
    groups: dict[str, list[Listing]] = {}
    for listing in listings:
        groups.setdefault(key(listing), []).append(listing)
    return groups
