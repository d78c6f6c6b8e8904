"""Calls for what can be traded: series, events, markets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from kalshi_assets.domain.market import Event, MarketSnapshot, Series
from kalshi_assets.errors import NotFound
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.batches import Batch, MarketBatch, market_batch, read_batch
from kalshi_assets.kalshi.calls import Calls
from kalshi_assets.kalshi.requests import MarketFilter, TimeFilter
from kalshi_assets.kalshi.schemas import read_payload
from kalshi_assets.kalshi.schemas_market import EventPayload, MarketPayload, SeriesPayload


class MarketCalls(Calls):
    """Series, events and markets."""

    def series(self, ticker: str) -> Series:
        """Return a series with its fee terms."""
        body = self._connection.get(f"/series/{requests.segment(ticker)}")
        return read_payload(SeriesPayload, body.row("series")).to_domain()

    def series_list(
        self,
        *,
        category: str | None = None,
        tag: str | None = None,
        min_updated_at: datetime | None = None,
    ) -> Batch[Series]:
        """Return the series with their fee terms.

        Args:
            category: only those that have it among their categories, in the exchange's spelling.
            tag: only those with this tag.
            min_updated_at: leave out those whose terms did not change since.
        """
        params = {
            "category": category,
            "tags": tag,
            "min_updated_ts": requests.after(min_updated_at),
        }
        rows = self._connection.get("/series", params).rows("series")
        return read_batch(SeriesPayload, rows, SeriesPayload.to_domain, key=lambda s: s.ticker)

    def event(self, ticker: str, *, with_markets: bool = False) -> Event:
        """Return an event, on request with its markets that are still live."""
        params = {"with_nested_markets": requests.word(with_markets)}
        body = self._connection.get(f"/events/{requests.segment(ticker)}", params)
        return read_payload(EventPayload, body.row("event")).to_domain()

    def events(
        self,
        *,
        series_ticker: str | None = None,
        tickers: Sequence[str] | None = None,
        status: Literal["unopened", "open", "closed", "settled"] | None = None,
        min_close_at: datetime | None = None,
        min_updated_at: datetime | None = None,
        with_markets: bool = False,
    ) -> Batch[Event]:
        """Return the events asked for, all pages; combos are none of them.

        Args:
            series_ticker: only those of this series.
            tickers: only these; no tickers in a given list means no events.
            status: only those with this status.
            min_close_at: leave out those whose markets all close before.
            min_updated_at: leave out those whose terms did not change since.
            with_markets: each with its markets that are still live.
        """
        params: requests.Query = {
            "series_ticker": series_ticker,
            "status": status,
            "min_close_ts": requests.after(min_close_at),
            "min_updated_ts": requests.after(min_updated_at),
            "with_nested_markets": requests.word(with_markets),
            "limit": requests.LARGEST_EVENT_PAGE,
        }
        lists = [None] if tickers is None else [",".join(c) for c in requests.in_calls(tickers)]
        rows = (
            row
            for asked in lists
            for row in self._rows("/events", {**params, "tickers": asked}, "events")
        )
        return read_batch(EventPayload, rows, EventPayload.to_domain, key=lambda e: e.ticker)

    def market(self, ticker: str) -> MarketSnapshot:
        """Return a market, from whichever tier it lies in.

        Raises:
            NotFound: no tier has it; a market that was just made may not be there yet.
        """
        try:
            body = self._connection.get(f"/markets/{requests.segment(ticker)}")
        except NotFound:
            return self.historical_market(ticker)
        return read_payload(MarketPayload, body.row("market")).to_domain()

    def markets(
        self,
        *,
        tickers: Sequence[str] | None = None,
        series_ticker: str | None = None,
        event_ticker: str | None = None,
        status: str | None = None,
        combos: Literal["only", "exclude"] | None = None,
        time: TimeFilter | None = None,
    ) -> MarketBatch:
        """Return the live markets asked for, all pages.

        Args:
            tickers: only these, a thousand a call where the exchange lets it pass; no tickers in a
                given list means no markets.
            series_ticker: only those of this series.
            event_ticker: only those of this event.
            status: the filter's words: unopened, open, paused, closed or settled.
            combos: only markets of several legs, or none of them.
            time: only those with one of their times in a stretch.

        Raises:
            ValueError: the exchange does not take these filters together; nothing was sent.
        """
        chosen = MarketFilter(
            series_ticker=series_ticker,
            event_ticker=event_ticker,
            status=status,
            combos=combos,
            time=time,
        )
        return self._markets("/markets", tickers, chosen)

    def historical_market(self, ticker: str) -> MarketSnapshot:
        """Return a market of the historical tier.

        Raises:
            NotFound: it is live, or there is none.
        """
        path = f"{requests.HISTORICAL}/markets/{requests.segment(ticker)}"
        return read_payload(MarketPayload, self._connection.get(path).row("market")).to_domain()

    def historical_markets(
        self,
        *,
        tickers: Sequence[str] | None = None,
        series_ticker: str | None = None,
        event_ticker: str | None = None,
    ) -> MarketBatch:
        """Return markets of the historical tier, all pages, by one of the filters.

        Args:
            tickers: only these; no tickers in a given list means no markets.
            series_ticker: only those of this series.
            event_ticker: only those of this event.

        Raises:
            ValueError: more than one filter is given; nothing was sent.
        """
        if [tickers, series_ticker, event_ticker].count(None) < 2:
            raise ValueError("historical markets are found by tickers, series or event, not by two")
        chosen = MarketFilter(series_ticker=series_ticker, event_ticker=event_ticker)
        return self._markets(f"{requests.HISTORICAL}/markets", tickers, chosen)

    def _markets(
        self, path: str, tickers: Sequence[str] | None, chosen: MarketFilter
    ) -> MarketBatch:
        query = chosen.query(has_tickers=tickers is not None)
        params = {**query, "limit": requests.LARGEST_PAGE}
        if tickers is None:
            return market_batch(self._rows(path, params, "markets"))
        return market_batch(self._rows_of(path, params, requests.distinct(tickers)))
