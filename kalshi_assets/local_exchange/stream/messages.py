"""The `msg` of every message that carries data, as the AsyncAPI document has it. Pure."""

import uuid
from collections.abc import Mapping
from functools import lru_cache

from kalshi_assets.local_exchange.bulletin import Filled
from kalshi_assets.local_exchange.ledger import Position
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.stream.happenings import Body, LevelMoved, Levels, OrderMoved
from kalshi_assets.local_exchange.tape import Side, TapeTrade
from kalshi_assets.local_exchange.units import (
    ONE_DOLLAR,
    count_text,
    iso,
    micros_text,
    price_text,
)


@lru_cache(maxsize=4096)
def market_id(ticker: str) -> str:
    """Return the id the exchange knows a market by, always the same for a ticker."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, ticker))


def snapshot_body(ticker: str, levels: Levels, *, use_yes_price: bool) -> Body:
    """Render a whole book, best price last; the key of an empty side is absent."""
    body: Body = {"market_ticker": ticker, "market_id": market_id(ticker)}
    bids = sorted(price for side, price in levels if side == "bid")
    asks = sorted((price for side, price in levels if side == "ask"), reverse=True)
    if bids:
        body["yes_dollars_fp"] = [
            [price_text(price), count_text(levels["bid", price])] for price in bids
        ]
    if asks:
        body["no_dollars_fp"] = [
            [_no_side(price, use_yes_price=use_yes_price), count_text(levels["ask", price])]
            for price in asks
        ]
    return body


def delta_body(moved: LevelMoved, account: str, *, use_yes_price: bool) -> Body:
    """Render a level's change; who caused it learns which order did."""
    is_bid = moved.side == "bid"
    body: Body = {
        "market_ticker": moved.ticker,
        "market_id": market_id(moved.ticker),
        "price_dollars": (
            price_text(moved.price)
            if is_bid
            else _no_side(moved.price, use_yes_price=use_yes_price)
        ),
        "delta_fp": count_text(moved.delta),
        "side": "yes" if is_bid else "no",
    }
    cause = moved.cause
    if cause is not None and cause.account == account and cause.client_order_id:
        body["client_order_id"] = cause.client_order_id
    return body | {"ts": iso(moved.ms), "ts_ms": moved.ms}


def ticker_body(ticker: str, market: Mapping[str, str], *, last_size: int, ms: int) -> Body:
    """Render a ticker out of the market as REST shows it.

    `dollar_volume` and `dollar_open_interest` count half a dollar a contract, in whole dollars, as
    the documented example does: each of a contract's two sides has half of its notional value.
    """
    volume, interest = market["volume_fp"], market["open_interest_fp"]
    return {
        "market_ticker": ticker,
        "market_id": market_id(ticker),
        "price_dollars": market["last_price_dollars"],
        "yes_bid_dollars": market["yes_bid_dollars"],
        "yes_ask_dollars": market["yes_ask_dollars"],
        "yes_bid_size_fp": market["yes_bid_size_fp"],
        "yes_ask_size_fp": market["yes_ask_size_fp"],
        "last_trade_size_fp": count_text(last_size),
        "volume_fp": volume,
        "open_interest_fp": interest,
        "dollar_volume": _whole_contracts(volume) // 2,
        "dollar_open_interest": _whole_contracts(interest) // 2,
        "ts": ms // 1000,
        "ts_ms": ms,
        "time": iso(ms),
    }


def trade_body(trade: TapeTrade) -> Body:
    """Render a public trade."""
    outcome = _outcome(trade.taker_side)
    return {
        "trade_id": trade.trade_id,
        "market_ticker": trade.ticker,
        "yes_price_dollars": price_text(trade.price),
        "no_price_dollars": price_text(ONE_DOLLAR - trade.price),
        "count_fp": count_text(trade.count),
        "taker_side": outcome,
        "taker_outcome_side": outcome,
        "taker_book_side": trade.taker_side,
        "is_block_trade": False,
        "ts": trade.created_ms // 1000,
        "ts_ms": trade.created_ms,
    }


def fill_body(fill: Filled, *, shard: int) -> Body:
    """Render a fill of the subscriber's own."""
    body: Body = {
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "market_ticker": fill.ticker,
        "exchange_index": shard,
        "is_taker": fill.is_taker,
        "outcome_side": _outcome(fill.side),
        "book_side": fill.side,
        "side": "yes",
        "action": "buy" if fill.side == "bid" else "sell",
        "purchased_side": _outcome(fill.side),
        "yes_price_dollars": price_text(fill.price),
        "count_fp": count_text(fill.count),
        "fee_cost": micros_text(fill.fee_micros),
        "post_position_fp": count_text(fill.position_after),
        "ts": fill.filled_ms // 1000,
        "ts_ms": fill.filled_ms,
    }
    if fill.client_order_id:
        body["client_order_id"] = fill.client_order_id
    return body


def order_body(moved: OrderMoved, user_id: str, *, shard: int) -> Body:
    """Render an order of the subscriber's own; a reason only where the exchange has a word."""
    order = moved.order
    body: Body = {
        "order_id": order.order_id,
        "user_id": user_id,
        "ticker": order.ticker,
        "exchange_index": shard,
        "status": order.status,
        "outcome_side": _outcome(order.side),
        "book_side": order.side,
        "side": "yes",
        "is_yes": order.side == "bid",
        "yes_price_dollars": price_text(order.price),
        **_progress(order),
        "client_order_id": order.client_order_id,
        "self_trade_prevention_type": order.self_trade_prevention,
        "created_time": iso(order.created_ms),
        "created_ts_ms": order.created_ms,
        "last_update_time": iso(order.updated_ms),
        "last_updated_ts_ms": order.updated_ms,
        "subaccount_number": 0,
    }
    if order.expires_ms is not None:
        body["expiration_time"] = iso(order.expires_ms)
        body["expiration_ts_ms"] = order.expires_ms
    if order.last_update_reason:
        body["last_update_reason"] = order.last_update_reason
    return body


def position_body(position: Position, user_id: str) -> Body:
    """Render a position; a closed one has cost nothing, its fees stay paid."""
    fees = position.fees_micros
    return {
        "user_id": user_id,
        "market_ticker": position.ticker,
        "position_fp": count_text(position.position),
        "position_cost_dollars": micros_text(position.cost_micros),
        "realized_pnl_dollars": micros_text(position.realized_micros),
        "fees_paid_dollars": micros_text(fees),
        "position_fee_cost_dollars": micros_text(fees if position.position else 0),
        "volume_fp": count_text(position.traded_count),
    }


def _progress(order: Order) -> Body:
    return {
        "initial_count_fp": count_text(order.initial_count),
        "fill_count_fp": count_text(order.fill_count),
        "remaining_count_fp": count_text(order.remaining_count),
        "taker_fill_cost_dollars": micros_text(order.taker_cost_micros),
        "maker_fill_cost_dollars": micros_text(order.maker_cost_micros),
        "taker_fees_dollars": micros_text(order.taker_fees_micros),
        "maker_fees_dollars": micros_text(order.maker_fees_micros),
    }


def _outcome(side: Side) -> str:
    return "yes" if side == "bid" else "no"


def _no_side(price: int, *, use_yes_price: bool) -> str:
    return price_text(price if use_yes_price else ONE_DOLLAR - price)


def _whole_contracts(count: str) -> int:
    return int(count.split(".", 1)[0])
