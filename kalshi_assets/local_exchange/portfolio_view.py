"""An account's balance, orders, fills, positions and settlements as the wire shows them."""

from collections import defaultdict
from typing import Any

from kalshi_assets.local_exchange.amending import Amended
from kalshi_assets.local_exchange.dealing import Dealt
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.ledger import Position
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.store import Row
from kalshi_assets.local_exchange.tape import Side
from kalshi_assets.local_exchange.trading import Canceled
from kalshi_assets.local_exchange.units import (
    BALANCE_STEP_MICROS,
    CENT_MICROS,
    ONE_DOLLAR,
    balance_text,
    count_text,
    iso,
    micros_text,
    price_text,
)

_CENT = 100  # of a price

View = dict[str, Any]


def balance_view(
    exchange: Exchange, markets: MarketView, account: str, *, now_ms: int, shard: int | None
) -> View:
    """Render the balance of one shard or of all; positions count at their last price."""
    ms = exchange.read_moment(now_ms)
    cash = exchange.ledger.cash_by_shard(account, ms=ms)
    if exchange.terms.balance_excludes_resting:
        cash = {one: _unreserved(exchange, account, one, micros) for one, micros in cash.items()}
    shown = sum(micros for one, micros in cash.items() if shard in (None, one))
    value = sum(
        position.value_micros(markets.last_price(position.ticker, now_ms))
        for position in exchange.ledger.positions(account, ms=ms)
        if shard in (None, exchange.shards.of(position.ticker))
    )
    return {
        "balance": shown // CENT_MICROS,
        "balance_dollars": balance_text(shown),
        "portfolio_value": value // CENT_MICROS,
        "updated_ts": ms // 1000,
        "balance_breakdown": [
            {"exchange_index": one, "balance": balance_text(micros)} for one, micros in cash.items()
        ],
    }


def created_view(dealt: Dealt, now_ms: int) -> View:
    """Render the answer to a new order; averages only if something was filled."""
    return {
        **_named(dealt.order, now_ms),
        "fill_count": count_text(dealt.filled),
        "remaining_count": count_text(dealt.order.remaining_count),
        **_averages(dealt),
    }


def amended_view(amended: Amended, now_ms: int) -> View:
    """Render the answer to an amend; what has not changed is null."""
    dealt = amended.dealt
    has_moved = bool(dealt.filled) or dealt.order.remaining_count != amended.rested
    return {
        **_named(dealt.order, now_ms),
        "fill_count": count_text(dealt.filled) if has_moved else None,
        "remaining_count": count_text(dealt.order.remaining_count) if has_moved else None,
        "average_fill_price": None,
        "average_fee_paid": None,
        **_averages(dealt),
    }


def decreased_view(order: Order, now_ms: int) -> View:
    """Render the answer to a decrease."""
    return {**_named(order, now_ms), "remaining_count": count_text(order.remaining_count)}


def canceled_view(canceled: Canceled, now_ms: int) -> View:
    """Render the answer to a cancel; it never names the client's id of the order."""
    return {
        "order_id": canceled.order.order_id,
        "reduced_by": count_text(canceled.reduced_by),
        "ts_ms": now_ms,
    }


def order_view(order: Order, user_id: str, *, shard: int) -> View:
    """Render an order record."""
    view: View = {
        "order_id": order.order_id,
        "user_id": user_id,
        "client_order_id": order.client_order_id,
        "ticker": order.ticker,
        "type": "limit",
        "status": order.status,
        **_direction(order.side),
        **_prices(order.price),
        **_progress(order),
        "created_time": iso(order.created_ms),
        "last_update_time": iso(order.updated_ms),
        "self_trade_prevention_type": order.self_trade_prevention,
        "cancel_order_on_pause": order.cancel_on_pause,
        "subaccount_number": 0,
        "exchange_index": shard,
    }
    if order.expires_ms is not None:
        view["expiration_time"] = iso(order.expires_ms)
    return view


def fill_view(row: Row, shard: int) -> View:
    """Render a fill."""
    return {
        "fill_id": row["trade_id"],
        "trade_id": row["trade_id"],
        "order_id": row["order_id"],
        "ticker": row["ticker"],
        "market_ticker": row["ticker"],
        "exchange_index": shard,
        **_direction(row["side"]),
        "count_fp": count_text(row["count"]),
        **_prices(row["price"]),
        "is_taker": bool(row["is_taker"]),
        "fee_cost": micros_text(row["fee_micros"]),
        "created_time": iso(row["created_ms"]),
        "ts": row["created_ms"] // 1000,
        "subaccount_number": 0,
    }


def position_view(position: Position, shard: int) -> View:
    """Render a market position."""
    return {
        "ticker": position.ticker,
        "exchange_index": shard,
        "position_fp": count_text(position.position),
        "market_exposure_dollars": micros_text(position.cost_micros),
        "total_traded_dollars": micros_text(position.traded_micros),
        "realized_pnl_dollars": micros_text(position.realized_micros),
        "fees_paid_dollars": micros_text(position.fees_micros),
        "last_updated_ts": iso(position.updated_ms),
    }


def event_positions(exchange: Exchange, positions: list[Position]) -> list[View]:
    """Add market positions up by event."""
    events: dict[str, list[Position]] = defaultdict(list)
    for position in positions:
        events[exchange.tape.listings[position.ticker].event_ticker].append(position)
    return [
        {
            "event_ticker": event_ticker,
            "total_cost_dollars": micros_text(sum(p.traded_micros for p in group)),
            "total_cost_shares_fp": count_text(sum(p.traded_count for p in group)),
            "event_exposure_dollars": micros_text(sum(p.cost_micros for p in group)),
            "realized_pnl_dollars": micros_text(sum(p.realized_micros for p in group)),
            "fees_paid_dollars": micros_text(sum(p.fees_micros for p in group)),
        }
        for event_ticker, group in events.items()
    ]


def settlement_view(exchange: Exchange, row: Row) -> View:
    """Render a settlement."""
    held, cost = row["position"], row["cost_micros"]
    yes, no = (held, 0) if held > 0 else (0, -held)
    return {
        "ticker": row["ticker"],
        "exchange_index": exchange.shards.of(row["ticker"]),
        "event_ticker": exchange.tape.listings[row["ticker"]].event_ticker,
        "market_result": row["result"],
        "yes_count_fp": count_text(yes),
        "yes_total_cost_dollars": micros_text(cost if yes else 0),
        "no_count_fp": count_text(no),
        "no_total_cost_dollars": micros_text(cost if no else 0),
        "revenue": row["revenue_micros"] // CENT_MICROS,
        "settled_time": iso(row["settled_ms"]),
        "fee_cost": micros_text(row["fees_micros"]),
        "value": row["payout"] // _CENT,
    }


def _progress(order: Order) -> View:
    return {
        "initial_count_fp": count_text(order.initial_count),
        "fill_count_fp": count_text(order.fill_count),
        "remaining_count_fp": count_text(order.remaining_count),
        "taker_fill_cost_dollars": micros_text(order.taker_cost_micros),
        "maker_fill_cost_dollars": micros_text(order.maker_cost_micros),
        "taker_fees_dollars": micros_text(order.taker_fees_micros),
        "maker_fees_dollars": micros_text(order.maker_fees_micros),
    }


def _direction(side: Side) -> View:
    outcome, action = ("yes", "buy") if side == "bid" else ("no", "sell")
    return {"outcome_side": outcome, "book_side": side, "side": "yes", "action": action}


def _prices(price: int) -> View:
    return {
        "yes_price_dollars": price_text(price),
        "no_price_dollars": price_text(ONE_DOLLAR - price),
    }


def _named(order: Order, now_ms: int) -> View:
    view: View = {"order_id": order.order_id, "ts_ms": now_ms}
    if order.client_order_id:
        view["client_order_id"] = order.client_order_id
    return view


def _averages(dealt: Dealt) -> View:
    if not dealt.filled:
        return {}
    return {
        "average_fill_price": _average(dealt.notional_micros, dealt.filled),
        "average_fee_paid": _average(dealt.fees_micros, dealt.filled),
    }


def _unreserved(exchange: Exchange, account: str, shard: int, micros: int) -> int:
    free = micros - exchange.funds.reserved_micros(account, shard)
    return free - free % BALANCE_STEP_MICROS


def _average(micros: int, count: int) -> str:
    """Return dollars a contract, rounded half up to 4 decimals."""
    return price_text((2 * micros + count) // (2 * count))
