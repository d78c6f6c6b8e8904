"""The signed operations on what an account owns, and on what it may do."""

from typing import Any

from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import PREFIX, Call, Endpoint
from kalshi_assets.local_exchange.ledger import Position
from kalshi_assets.local_exchange.limits import DEFAULT_COST, BucketSize
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.order_endpoints import OrderEndpoints
from kalshi_assets.local_exchange.portfolio_view import (
    balance_view,
    event_positions,
    fill_view,
    position_view,
    settlement_view,
)
from kalshi_assets.local_exchange.query import page_after
from kalshi_assets.local_exchange.records import page_of_records

_MAX_TICKERS = 100
_SETTLEMENT_FILTER = {"": (0,), "unsettled": (0,), "settled": (1,), "all": (0, 1)}

View = dict[str, Any]


class AccountEndpoints:
    """Answers to calls about an account."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._markets = MarketView(exchange.tape, exchange.book, exchange.store)

    def all(self) -> list[Endpoint]:
        """Return the operations."""
        return [
            Endpoint(
                "GET",
                "/portfolio/balance",
                "GetBalance",
                self.balance,
                scope="read::portfolio_balance",
            ),
            Endpoint("GET", "/portfolio/positions", "GetPositions", self.positions),
            Endpoint("GET", "/portfolio/fills", "GetFills", self.fills),
            Endpoint("GET", "/portfolio/settlements", "GetSettlements", self.settlements),
            Endpoint("GET", "/account/limits", "GetAccountApiLimits", self.limits),
            Endpoint(
                "GET",
                "/account/endpoint_costs",
                "GetAccountEndpointCosts",
                self.endpoint_costs,
                is_public=True,
            ),
        ]

    def balance(self, call: Call) -> View:
        """Answer with cash and what positions are worth."""
        return balance_view(
            self._exchange,
            self._markets,
            call.account,
            now_ms=call.now_ms,
            shard=call.query.number("exchange_index"),
        )

    def positions(self, call: Call) -> View:
        """Answer with a page of market positions and the events they belong to."""
        ms = self._exchange.read_moment(call.now_ms)
        wanted = [
            position
            for position in self._exchange.ledger.positions(call.account, ms=ms)
            if self._is_wanted(position, call)
        ]
        page, cursor = page_after(wanted, lambda position: position.ticker, call.query)
        return {
            "market_positions": [
                position_view(position, self._exchange.shards.of(position.ticker))
                for position in page
            ],
            "event_positions": event_positions(self._exchange, page),
            "cursor": cursor,
        }

    def fills(self, call: Call) -> View:
        """Answer with a page of fills, newest first."""
        tickers = call.query.names("ticker")
        if len(tickers) > _MAX_TICKERS:
            raise call.query.invalid("ticker", "max")
        rows, cursor = page_of_records(
            self._exchange.store,
            "fills",
            call.account,
            ms=self._exchange.read_moment(call.now_ms),
            query=call.query,
            tickers=tickers or None,
            equals={"order_id": call.query.text("order_id")},
            tier=self._exchange.terms.tiers.live_fills(call.now_ms),
        )
        views = [fill_view(row, self._exchange.shards.of(row["ticker"])) for row in rows]
        return {"fills": views, "cursor": cursor}

    def settlements(self, call: Call) -> View:
        """Answer with a page of live settlements, newest first; nothing tells archived ones."""
        query = call.query
        is_narrow = query.text("ticker") or query.text("event_ticker")
        tickers = [
            listing.ticker
            for listing in self._exchange.tape.listings.values()
            if query.text("ticker") in ("", listing.ticker)
            and query.text("event_ticker") in ("", listing.event_ticker)
        ]
        rows, cursor = page_of_records(
            self._exchange.store,
            "settlements",
            call.account,
            ms=self._exchange.read_moment(call.now_ms),
            query=query,
            tickers=tickers if is_narrow else None,
            equals={},
            tier=self._exchange.terms.tiers.live_settlements(call.now_ms),
        )
        views = [settlement_view(self._exchange, row) for row in rows]
        return {"settlements": views, "cursor": cursor}

    def limits(self, call: Call) -> View:
        """Answer with the account's tier."""
        limits = self._exchange.limiter.limits
        return {
            "usage_tier": limits.tier,
            "read": _bucket(limits.read),
            "write": _bucket(limits.write),
            "grants": [],
        }

    def endpoint_costs(self, call: Call) -> View:
        """Answer with the operations whose cost is not the default one."""
        served = [*self.all(), *OrderEndpoints(self._exchange).all()]
        return {
            "default_cost": DEFAULT_COST,
            "endpoint_costs": [
                {
                    "method": endpoint.method,
                    "path": PREFIX + endpoint.path.replace("{", ":").replace("}", ""),
                    "cost": endpoint.cost,
                }
                for endpoint in served
                if endpoint.cost != DEFAULT_COST
            ],
        }

    def _is_wanted(self, position: Position, call: Call) -> bool:
        query = call.query
        kind = query.choice("settlement_status", tuple(_SETTLEMENT_FILTER)[1:])
        counts = query.names("count_filter")
        event = self._exchange.tape.listings[position.ticker].event_ticker
        return (
            position.is_settled in _SETTLEMENT_FILTER[kind]
            and not self._exchange.terms.tiers.is_position_archived(
                is_settled=bool(position.is_settled),
                updated_ms=position.updated_ms,
                now_ms=call.now_ms,
            )
            and query.text("ticker") in ("", position.ticker)
            and query.text("event_ticker") in ("", event)
            and (not counts or _has_any(position, counts))
        )


def _has_any(position: Position, counts: list[str]) -> bool:
    values = {"position": position.position, "total_traded": position.traded_micros}
    return any(values.get(name, 0) for name in counts)


def _bucket(size: BucketSize) -> View:
    return {"refill_rate": size.refill_rate, "bucket_capacity": size.capacity}
