"""Calls for the account's state: balance, positions, orders, fills, settlements.

Near an order everything fails closed: one malformed row fails the whole call.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from kalshi_assets.domain.account import Balance, Fill, Position, Settlement, VenueOrder
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.answers import read_all
from kalshi_assets.kalshi.body import Row
from kalshi_assets.kalshi.calls import Calls
from kalshi_assets.kalshi.requests import HISTORICAL, PORTFOLIO, Query
from kalshi_assets.kalshi.schemas import read_payload
from kalshi_assets.kalshi.schemas_account import (
    BalancePayload,
    FillPayload,
    OrderPayload,
    PositionPayload,
    SettlementPayload,
)

_LARGEST_PAGE: Query = {"limit": requests.LARGEST_PAGE}


class AccountCalls(Calls):
    """Balance, positions, orders, fills and settlements."""

    def balance(self) -> Balance:
        """Return the account's cash over all shards, and on each."""
        body = self._connection.get(f"{PORTFOLIO}/balance")
        return read_payload(BalancePayload, body.whole).to_domain()

    def positions(
        self, *, settlement_status: Literal["unsettled", "settled", "all"] | None = None
    ) -> list[Position]:
        """Return the account's positions of the live tier, all pages.

        Args:
            settlement_status: unsettled ones by default.
        """
        params: Query = {"settlement_status": settlement_status}
        return self._positions(f"{PORTFOLIO}/positions", params)

    def historical_positions(self) -> list[Position]:
        """Return the account's settled positions of the historical tier, all pages."""
        return self._positions(f"{HISTORICAL}/positions", {})

    def order(self, order_id: str) -> VenueOrder:
        """Return one order of the live tier; just after a write it may still be told as before.

        Raises:
            NotFound: there is none, or it lies in the historical tier.
        """
        body = self._connection.get(f"{requests.ORDER_LIST}/{requests.segment(order_id)}")
        return read_payload(OrderPayload, body.row("order")).to_domain()

    def orders(
        self,
        *,
        status: str | None = None,
        min_created_at: datetime | None = None,
        ticker: str | None = None,
    ) -> list[VenueOrder]:
        """Return the account's orders of the live tier, newest first, all pages.

        Args:
            status: resting, canceled or executed; all by default.
            min_created_at: leave out older ones; rounded down, so a few older ones may come.
            ticker: only those of this market.
        """
        params = {"status": status, "min_ts": requests.after(min_created_at), "ticker": ticker}
        return _orders(self._rows(requests.ORDER_LIST, {**params, **_LARGEST_PAGE}, "orders"))

    def historical_orders(
        self, *, min_created_at: datetime | None = None, ticker: str | None = None
    ) -> list[VenueOrder]:
        """Return the account's orders of the historical tier; arguments as of `orders`."""
        params = {"min_ts": requests.after(min_created_at), "ticker": ticker, **_LARGEST_PAGE}
        return _orders(self._rows(f"{HISTORICAL}/orders", params, "orders"))

    def fills(
        self,
        *,
        min_filled_at: datetime | None = None,
        max_filled_at: datetime | None = None,
        order_id: str | None = None,
        tickers: Sequence[str] | None = None,
    ) -> list[Fill]:
        """Return the account's fills of the live tier, all pages.

        Args:
            min_filled_at: leave out older ones; rounded down, so a few older ones may come.
            max_filled_at: leave out newer ones; rounded up, so a few newer ones may come.
            order_id: only those of this order.
            tickers: only those of these markets, in calls of 100.
        """
        params: Query = {
            "min_ts": requests.after(min_filled_at),
            "max_ts": requests.before(max_filled_at),
            "order_id": order_id,
            **_LARGEST_PAGE,
        }
        lists = [None] if tickers is None else [",".join(c) for c in requests.in_calls(tickers)]
        return _fills(
            row
            for asked in lists
            for row in self._rows(f"{PORTFOLIO}/fills", {**params, "ticker": asked}, "fills")
        )

    def historical_fills(
        self,
        *,
        min_filled_at: datetime | None = None,
        max_filled_at: datetime | None = None,
        ticker: str | None = None,
    ) -> list[Fill]:
        """Return the account's fills of the historical tier, of one market or of all."""
        params: Query = {
            "min_ts": requests.after(min_filled_at),
            "max_ts": requests.before(max_filled_at),
            "ticker": ticker,
            **_LARGEST_PAGE,
        }
        return _fills(self._rows(f"{HISTORICAL}/fills", params, "fills"))

    def settlements(
        self, *, min_settled_at: datetime | None = None, ticker: str | None = None
    ) -> list[Settlement]:
        """Return the account's settlements, all pages; the historical tier keeps none.

        Args:
            min_settled_at: leave out older ones; rounded down, so a few older ones may come.
            ticker: only those of this market.
        """
        params = {"min_ts": requests.after(min_settled_at), "ticker": ticker, **_LARGEST_PAGE}
        path = f"{PORTFOLIO}/settlements"
        return read_all(
            SettlementPayload,
            self._rows(path, params, "settlements", cursor_is_optional=True),
            SettlementPayload.to_domain,
            key=lambda s: (s.market_ticker, s.settled_at),
        )

    def _positions(self, path: str, params: Query) -> list[Position]:
        rows = self._rows(
            path, {**params, **_LARGEST_PAGE}, "market_positions", cursor_is_optional=True
        )
        return read_all(
            PositionPayload, rows, PositionPayload.to_domain, key=lambda p: p.market_ticker
        )


def _orders(rows: Iterable[Row]) -> list[VenueOrder]:
    return read_all(OrderPayload, rows, OrderPayload.to_domain, key=lambda o: o.order_id)


def _fills(rows: Iterable[Row]) -> list[Fill]:
    return read_all(FillPayload, rows, FillPayload.to_domain, key=lambda f: f.fill_id)
