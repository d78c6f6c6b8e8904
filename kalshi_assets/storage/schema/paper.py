"""The paper venue's own books; what the ledger knows of them it asks for, as of any venue."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)

from kalshi_assets.storage.schema.columns import INSTANT, metadata, required

paper_orders = Table(
    "paper_orders",
    metadata,
    required("order_id", Text(), primary_key=True),
    required("client_order_id", Text()),
    required("market_ticker", Text()),
    required("side", Text()),
    required("limit_price", Integer()),
    required("initial_count", BigInteger()),
    required("fill_count", BigInteger()),
    required("status", Text()),
    required("reason", Text()),
    required("fee_type", Text()),
    required("fee_multiplier", Numeric()),
    required("fees_micros", BigInteger()),
    required("rounding_micros", BigInteger()),
    required("created_at", INSTANT),
    required("updated_at", INSTANT),
    required("expires_at", INSTANT),
    required("queued_at", INSTANT),
    required("queue_ahead", BigInteger()),
    required("queue_as_of", INSTANT),
    required("looked_at", INSTANT),
    Index("paper_orders_by_client_id", "client_order_id", unique=True),
    Index("paper_orders_resting", "market_ticker", postgresql_where=text("status = 'resting'")),
)

paper_fills = Table(
    "paper_fills",
    metadata,
    Column("fill_number", BigInteger(), Identity(), primary_key=True),
    required("fill_id", Text()),
    required("order_id", Text()),
    required("market_ticker", Text()),
    required("side", Text()),
    required("count", BigInteger()),
    required("yes_price", Integer()),
    required("fee_micros", BigInteger()),
    required("is_taker", Boolean()),
    required("filled_at", INSTANT),
    Index("paper_fills_by_id", "fill_id", unique=True),
)

paper_settlements = Table(
    "paper_settlements",
    metadata,
    required("market_ticker", Text(), primary_key=True),
    required("settled_at", INSTANT),
    required("result", Text()),
    required("yes_count", BigInteger()),
    required("no_count", BigInteger()),
    required("revenue_micros", BigInteger()),
    required("fee_micros", BigInteger()),
)

# What paper fills took of the levels the exchange still displays, by side and price bought.
paper_taken = Table(
    "paper_taken",
    metadata,
    required("market_ticker", Text(), primary_key=True),
    required("side", Text(), primary_key=True),
    required("price", Integer(), primary_key=True),
    required("count", BigInteger()),
)

# Public trades that paper orders had a share of: each is shared out once.
paper_trades = Table(
    "paper_trades",
    metadata,
    required("market_ticker", Text(), primary_key=True),
    required("trade_id", Text(), primary_key=True),
    required("traded_at", INSTANT),
)
