"""Reads of the account: each value is the one the exchange holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_assets.domain.account import Fill, Position, Settlement, VenueOrder
from kalshi_assets_tests.exchange_rest.cases import Case, register
from kalshi_assets_tests.exchange_rest.world import HOUR, LATE, MICROS, NOON, SOON, World
from kalshi_assets_tests.local_exchange.bench import TICKER

ACCOUNT_CASES: dict[str, Case] = {}
case = register(ACCOUNT_CASES)


def trade(venue: World) -> None:
    """Take, rest and be taken for half a contract, in three markets; `SOON` is settled first."""
    venue.take("yes", "0.52", "2.5")
    venue.buy("no", "0.45", "2")
    venue.floor.you.order("bid", "0.55", "1")
    venue.take("no", "0.53", "1", market_ticker=SOON)
    venue.floor.wait(60)
    venue.take("yes", "0.52", "3", market_ticker=LATE)


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def held_fills(venue: World) -> list[Fill]:
    return [
        Fill(
            row["trade_id"],
            row["order_id"],
            row["ticker"],
            "yes" if row["side"] == "bid" else "no",
            row["count"],
            row["price"] * MICROS,
            row["fee_micros"],
            bool(row["is_taker"]),
            moment(row["created_ms"]),
        )
        for row in venue.rows("fills")
    ]


def held_orders(venue: World) -> list[VenueOrder]:
    return [
        VenueOrder(
            row["order_id"],
            row["client_order_id"],
            row["ticker"],
            "yes" if row["side"] == "bid" else "no",
            row["status"],
            row["price"] * MICROS,
            row["initial_count"],
            row["fill_count"],
            row["remaining_count"],
            row["taker_fees_micros"] + row["maker_fees_micros"],
            moment(row["created_ms"]),
            None if row["expires_ms"] is None else moment(row["expires_ms"]),
            moment(row["updated_ms"]),
        )
        for row in venue.rows("orders")
    ]


def held_positions(venue: World) -> list[Position]:
    return [
        Position(
            row["ticker"],
            row["position"],
            row["cost_micros"],
            row["realized_micros"],
            row["fees_micros"],
        )
        for row in venue.rows("positions")
    ]


def same(told: list[object], held: list[object]) -> bool:
    return len(told) == len(held) > 0 and sorted(map(str, told)) == sorted(map(str, held))


@case
def balance(venue: World) -> None:
    trade(venue)
    told = venue.client.balance()
    cash = {row["shard"]: row["micros"] for row in venue.rows("cash")}
    assert told.cash_micros == sum(cash.values()) < 5_000_000_000
    assert {s.exchange_index: s.cash_micros for s in told.shards} == cash
    fees = sum(fill.fee_micros for fill in held_fills(venue))
    exposure = sum(p.exposure_micros for p in held_positions(venue))
    realized = sum(p.realized_pnl_micros for p in held_positions(venue))
    assert told.cash_micros == 5_000_000_000 - exposure - fees + realized
    assert told.portfolio_value_micros == 2 * 550_000 + 530_000 + 3 * 520_000  # at the last prices
    assert told.as_of == venue.now.replace(microsecond=0)


@case
def positions(venue: World) -> None:
    trade(venue)
    assert same([*venue.client.positions()], [*held_positions(venue)])
    venue.wait(3)
    by_status = {
        status: {p.market_ticker for p in venue.client.positions(settlement_status=status)}
        for status in ("unsettled", "settled", "all")
    }
    assert by_status == {
        "unsettled": {TICKER, LATE},
        "settled": {SOON},
        "all": {TICKER, SOON, LATE},
    }


@case
def historical_positions(venue: World) -> None:
    trade(venue)
    assert venue.client.historical_positions() == []
    venue.wait(24 * 100)
    old = venue.client.historical_positions()
    assert same([*old], [*held_positions(venue)])
    assert venue.client.positions(settlement_status="all") == []


@case
def order(venue: World) -> None:
    trade(venue)
    for held in held_orders(venue):
        assert venue.client.order(held.order_id) == held


@case
def orders(venue: World) -> None:
    trade(venue)
    held = held_orders(venue)
    assert venue.client.orders() == held[::-1]
    assert venue.client.orders(ticker=LATE) == held[-1:]
    assert venue.client.orders(min_created_at=NOON + timedelta(seconds=30)) == held[-1:]
    assert venue.client.orders(status="resting") == [o for o in held if o.status == "resting"]


@case
def historical_orders(venue: World) -> None:
    trade(venue)
    venue.wait(24 * 20)
    held = held_orders(venue)
    assert venue.client.historical_orders() == held[::-1]
    assert venue.client.historical_orders(ticker=LATE) == held[-1:]
    assert venue.client.orders() == []


@case
def fills(venue: World) -> None:
    trade(venue)
    held = held_fills(venue)
    assert {fill.is_taker for fill in held} == {True, False}
    assert same([*venue.client.fills()], [*held])
    first = held[0]
    assert venue.client.fills(order_id=first.order_id) == [first]
    assert same([*venue.client.fills(tickers=[TICKER, SOON])], [*held[:-1]])
    assert venue.client.fills(min_filled_at=NOON + timedelta(seconds=30)) == held[-1:]
    assert same([*venue.client.fills(max_filled_at=NOON + timedelta(seconds=30))], [*held[:-1]])


@case
def historical_fills(venue: World) -> None:
    trade(venue)
    venue.wait(24 * 100)
    held = held_fills(venue)
    assert same([*venue.client.historical_fills()], [*held])
    assert venue.client.historical_fills(ticker=LATE) == held[-1:]
    assert venue.client.fills() == []


@case
def settlements(venue: World) -> None:
    trade(venue)
    assert venue.client.settlements() == []
    venue.wait(7)
    held = [
        Settlement(
            row["ticker"],
            moment(row["settled_ms"]),
            row["result"],
            max(row["position"], 0),
            max(-row["position"], 0),
            row["revenue_micros"],
            row["fees_micros"],
        )
        for row in venue.rows("settlements")
    ]
    assert {(s.market_ticker, s.revenue_micros) for s in held} == {(TICKER, 2_000_000), (SOON, 0)}
    assert same([*venue.client.settlements()], [*held])
    assert [s.market_ticker for s in venue.client.settlements(ticker=SOON)] == [SOON]
    late = venue.client.settlements(min_settled_at=NOON + 3 * HOUR)
    assert [s.market_ticker for s in late] == [TICKER]


@case
def account_page(venue: World) -> None:
    trade(venue)
    orders, fills = held_orders(venue)[::-1], held_fills(venue)[::-1]
    first = venue.client.account_page("orders", "live", limit=2)
    rest = venue.client.account_page("orders", "live", limit=2, cursor=first.cursor)
    assert [*first.rows, *rest.rows] == orders
    assert (bool(first.cursor), rest.cursor) == (True, "")
    later = NOON + timedelta(seconds=30)
    assert list(venue.client.account_page("fills", "live", since=later).rows) == fills[:1]
    assert list(venue.client.account_page("fills", "live", until=later).rows) == fills[1:]
    venue.wait(24 * 100)
    assert venue.client.account_page("fills", "live").rows == ()
    assert venue.client.account_page("settlements", "live").rows == ()
    assert list(venue.client.account_page("fills", "historical").rows) == fills
    old = venue.client.account_page("orders", "historical").rows
    assert list(old) == held_orders(venue)[::-1]


@case
def account_limits(venue: World) -> None:
    told, held = venue.client.account_limits(), venue.floor.exchange.limiter.limits
    assert told.usage_tier == held.tier
    for bucket, size in ((told.read, held.read), (told.write, held.write)):
        assert bucket.tokens_per_second == size.refill_rate
        assert bucket.capacity_tokens == size.capacity


@case
def endpoint_costs(venue: World) -> None:
    told = venue.client.endpoint_costs()
    costs = {(cost.method, cost.path): cost.tokens for cost in told.listed}
    path = "/trade-api/v2/portfolio/events/orders"
    assert told.default_tokens == 10
    assert costs["DELETE", f"{path}/:order_id"] == costs["DELETE", path] == 2
    assert costs["GET", "/trade-api/v2/portfolio/orders/:order_id"] == 2
    assert ("POST", path) not in costs


@case
def order_history(venue: World) -> None:
    trade(venue)
    stretch: dict[str, Any] = {"start": NOON, "end": NOON + HOUR}
    assert venue.client.order_history(**stretch, ticker=LATE) == held_orders(venue)[-1:]
    venue.wait(24 * 20)
    assert venue.client.order_history(**stretch) == sorted(
        held_orders(venue), key=lambda o: (o.created_at, o.order_id)
    )


@case
def fill_history(venue: World) -> None:
    trade(venue)
    stretch: dict[str, Any] = {"start": NOON, "end": NOON + HOUR}
    assert venue.client.fill_history(**stretch, ticker=LATE) == held_fills(venue)[-1:]
    venue.wait(24 * 100)
    assert same([*venue.client.fill_history(**stretch)], [*held_fills(venue)])


@case
def position_history(venue: World) -> None:
    trade(venue)
    venue.wait(24 * 91 + 5)
    assert same([*venue.client.position_history()], [*held_positions(venue)])
