"""The public operations on series and events."""

from collections.abc import Sequence
from typing import Any

from kalshi_assets.local_exchange.catalog import Catalog, Event
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.event_view import (
    event_view,
    metadata_view,
    series_view,
    updated_ms,
)
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint, public_reads
from kalshi_assets.local_exchange.market_filter import STATUSES
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.query import Query, page_of, page_where
from kalshi_assets.local_exchange.tape import Listing, Series, Status
from kalshi_assets.local_exchange.units import count_text

MAX_EVENTS = 200
_STATUSES = ("unopened", "open", "closed", "settled")
_MS = 1000

View = dict[str, Any]


class EventEndpoints:
    """Answers to calls for series and events.

    No fee ever changes on a tape, no combos are traded and no milestones are known: the lists of
    these are empty.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._catalog = Catalog(exchange.tape, exchange.terms.tiers)
        self._markets = MarketView(
            exchange.tape, exchange.book, exchange.store, interventions=exchange.interventions
        )

    def all(self) -> list[Endpoint]:
        """Return the operations; fixed paths come before those with variables."""
        return public_reads(
            ("/series", "GetSeriesList", self.series_list),
            ("/series/fee_changes", "GetSeriesFeeChanges", self.series_fee_changes),
            ("/series/{series_ticker}", "GetSeries", self.series),
            ("/events", "GetEvents", self.events),
            ("/events/multivariate", "GetMultivariateEvents", self.combos),
            ("/events/fee_changes", "GetEventFeeChanges", self.event_fee_changes),
            ("/events/{event_ticker}", "GetEvent", self.event),
            ("/events/{event_ticker}/metadata", "GetEventMetadata", self.metadata),
        )

    def series_list(self, call: Call) -> View:
        """Answer with the series of a category or with certain tags."""
        category, tags = call.query.text("category"), set(call.query.names("tags"))
        after = call.query.number("min_updated_ts")
        metadata: View = {"product_metadata": {}}
        extras = metadata if call.query.flag("include_product_metadata") else {}
        return {
            "series": [
                self._series(series, listings, call) | extras
                for series, listings in self._catalog.series
                if category in ("", series.category)
                and tags <= set(series.tags)
                and (after is None or updated_ms(listings) > after * _MS)
            ]
        }

    def series(self, call: Call) -> View:
        """Answer with one series."""
        for series, listings in self._catalog.series:
            if series.ticker == call.path["series_ticker"]:
                return {"series": self._series(series, listings, call)}
        raise Refusal.nested(404, "not_found")

    def series_fee_changes(self, call: Call) -> View:
        """Answer that no series changes its fees."""
        call.query.text("series_ticker"), call.query.flag("show_historical")
        return {"series_fee_change_arr": []}

    def event_fee_changes(self, call: Call) -> View:
        """Answer that no event has fees of its own."""
        call.query.text("event_ticker")
        return _empty_page("event_fee_changes", call.query)

    def combos(self, call: Call) -> View:
        """Answer that there are no events of combos."""
        query = call.query
        query.limit(most=MAX_EVENTS)
        query.flag("with_nested_markets")
        if query.text("series_ticker") and query.text("collection_ticker"):
            raise query.invalid("collection_ticker", "excluded_with")
        return _empty_page("events", query)

    def events(self, call: Call) -> View:
        """Answer with a page of events."""
        query = call.query
        page, cursor = page_where(
            self._catalog.events,
            lambda event: self._is_wanted(event, call),
            after=query.cursor_number(),
            limit=query.limit(default=MAX_EVENTS, most=MAX_EVENTS),
        )
        is_nested = bool(query.flag("with_nested_markets"))
        answer: View = {
            "events": [self._event(event, call, is_nested=is_nested) for event in page],
            "cursor": cursor,
        }
        return answer | ({"milestones": []} if query.flag("with_milestones") else {})

    def event(self, call: Call) -> View:
        """Answer with one event and its live markets, inside or beside it."""
        event = self._catalog.event(call.path["event_ticker"])
        if call.query.flag("with_nested_markets"):
            return {"event": self._event(event, call, is_nested=True), "markets": []}
        return {"event": event_view(event), "markets": self._live_markets(event, call)}

    def metadata(self, call: Call) -> View:
        """Answer with an event's looks."""
        return metadata_view(self._catalog.event(call.path["event_ticker"]))

    def _event(self, event: Event, call: Call, *, is_nested: bool) -> View:
        markets = {"markets": self._live_markets(event, call)} if is_nested else {}
        return {**event_view(event), **markets}

    def _live_markets(self, event: Event, call: Call) -> list[View]:
        listings = self._catalog.live(event.listings, call.now_ms)
        return [self._markets.market(listing, call.now_ms) for listing in listings]

    def _series(self, series: Series, listings: Sequence[Listing], call: Call) -> View:
        view = series_view(series, listings)
        if call.query.flag("include_volume"):
            volume = sum(self._markets.volume(listing, call.now_ms) for listing in listings)
            view["volume_fp"] = count_text(volume)
        return view

    def _is_wanted(self, event: Event, call: Call) -> bool:
        query = call.query
        status = query.choice("status", _STATUSES)
        tickers = query.names("tickers")
        closes, updated = query.number("min_close_ts"), query.number("min_updated_ts")
        return (
            (not tickers or event.ticker in tickers)
            and query.text("series_ticker") in ("", event.series.ticker)
            and (
                not status or _status([o.status_at(call.now_ms) for o in event.listings]) == status
            )
            and (closes is None or any(one.close_ms > closes * _MS for one in event.listings))
            and (updated is None or updated_ms(event.listings) > updated * _MS)
        )


def _empty_page(name: str, query: Query) -> View:
    nothing: list[View] = []
    page, cursor = page_of(nothing, query)
    return {name: page, "cursor": cursor}


def _status(markets: Sequence[Status]) -> str:
    """Return an event's status: open if any market is, else what all markets are past."""
    if "active" in markets:
        return "open"
    if "initialized" in markets:
        return "unopened"
    return "settled" if set(markets) <= set(STATUSES["settled"]) else "closed"
