"""The markets' lives as subscribers hear of them.

A market that opens or closes at its time is no event (the exchange sends none); that it is listed,
paused or resumed, closes at another time, is determined and settled are.
"""

from collections.abc import Iterator

from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.stream.happenings import Body, Dated, EventAppeared, LifeMoved
from kalshi_assets.local_exchange.tape import Listing


class Lifecycle:
    """Finds out what became of the markets since it was last asked."""

    def __init__(self, exchange: Exchange, markets: MarketView) -> None:
        self._tape = exchange.tape
        self._markets = markets
        self._interventions = exchange.interventions
        self.look()

    def look(self) -> None:
        """Take what is now for known."""
        self._paused = frozenset(self._interventions.paused_markets)
        self._close_ms = {t: one.close_ms for t, one in self._tape.listings.items()}

    def run_to(self, now_ms: int, *, after_ms: int) -> Iterator[Dated]:
        """Yield what happened in (after, now]."""
        paused, close_ms = self._paused, self._close_ms
        self.look()
        for ticker, listing in self._tape.listings.items():
            yield from self._on_its_way(listing, after_ms, now_ms)
            if (ticker in paused) != (ticker in self._paused):
                yield _paused(now_ms, ticker, is_deactivated=ticker in self._paused)
            if close_ms.get(ticker, listing.close_ms) != listing.close_ms:
                close_ts = listing.close_ms // 1000
                yield _moved(now_ms, ticker, "close_date_updated", {"close_ts": close_ts})

    def _on_its_way(self, listing: Listing, after_ms: int, until_ms: int) -> Iterator[Dated]:
        created_ms, determined_ms = listing.created_ms, listing.determined_ms
        if after_ms < created_ms <= until_ms:
            market = self._markets.market(listing, created_ms)
            if self._is_first(listing):
                yield Dated(created_ms, EventAppeared(self._event(listing, market)))
            yield _moved(created_ms, listing.ticker, "created", _created(listing, market))
        if listing.result is None:
            return
        if after_ms < determined_ms <= until_ms:
            market = self._markets.market(listing, determined_ms)
            yield _moved(determined_ms, listing.ticker, "determined", _outcome(listing, market))
        if after_ms < listing.settled_ms <= until_ms:
            settled_ts = {"settled_ts": listing.settled_ms // 1000}
            yield _moved(listing.settled_ms, listing.ticker, "settled", settled_ts)

    def _is_first(self, listing: Listing) -> bool:
        siblings = [
            (other.created_ms, other.ticker)
            for other in self._tape.listings.values()
            if other.event_ticker == listing.event_ticker
        ]
        return min(siblings) == (listing.created_ms, listing.ticker)

    def _event(self, listing: Listing, market: Body) -> Body:
        return {
            "event_ticker": listing.event_ticker,
            "exchange_index": market["exchange_index"],
            "title": self._tape.series[listing.series_ticker].title,
            "subtitle": "",
            "collateral_return_type": "",
            "series_ticker": listing.series_ticker,
        }


def _moved(ms: int, ticker: str, event_type: str, fields: Body) -> Dated:
    return Dated(ms, LifeMoved({"event_type": event_type, "market_ticker": ticker, **fields}))


def _paused(ms: int, ticker: str, *, is_deactivated: bool) -> Dated:
    event_type = "deactivated" if is_deactivated else "activated"
    return _moved(ms, ticker, event_type, {"is_deactivated": is_deactivated})


def _created(listing: Listing, market: Body) -> Body:
    shared = ("title", "yes_sub_title", "no_sub_title", "rules_primary", "rules_secondary")
    strike = ("can_close_early", "event_ticker", "strike_type", "floor_strike")
    return {
        "exchange_index": market["exchange_index"],
        "open_ts": listing.open_ms // 1000,
        "close_ts": listing.close_ms // 1000,
        "price_level_structure": market["price_level_structure"],
        "price_ranges": market["price_ranges"],
        "additional_metadata": {
            "name": market["title"],
            **{name: market[name] for name in (*shared, *strike) if name in market},
            "expected_expiration_ts": listing.determined_ms // 1000,
        },
    }


def _outcome(listing: Listing, market: Body) -> Body:
    return {
        "result": market["result"],
        "settlement_value": market["settlement_value_dollars"],
        "determination_ts": listing.determined_ms // 1000,
    }
