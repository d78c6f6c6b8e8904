"""The ledger: what was decided and ordered, and the account as the venue stated it."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kalshi_assets.storage.schema.columns import INSTANT, metadata, optional, required

decisions = Table(
    "decisions",
    metadata,
    required("decision_id", Text(), primary_key=True),
    required("signal_id", Text()),
    required("strategy", Text()),
    required("market_ticker", Text()),
    required("judged_at", INSTANT),
    required("outcome", Text()),
    required("refused_by", ARRAY(Text())),
    required("gates", JSONB()),
    required("inputs", JSONB()),
    required("side", Text()),
    required("attempt", Integer()),
    optional("count", BigInteger()),
    optional("cost_micros", BigInteger()),
    required("run_id", Text()),
    required("kind", Text()),
    required("reason", Text()),
    optional("result", Text()),
    # Which settings were in force: a row of `settings_history`.
    required("settings_id", Text()),
    Index("decisions_by_signal", "signal_id", text("judged_at DESC")),
    Index(
        "decisions_to_enter",
        "signal_id",
        postgresql_where=text("kind = 'entry' AND outcome = 'approved'"),
    ),
)

orders = Table(
    "orders",
    metadata,
    required("client_order_id", Text(), primary_key=True),
    required("decision_id", Text()),
    required("signal_id", Text()),
    required("market_ticker", Text()),
    required("leg", Text()),
    required("attempt", Integer()),
    required("side", Text()),
    required("limit_price", Integer()),
    required("count", BigInteger()),
    required("expires_at", INSTANT),
    required("status", Text()),
    required("reason", Text()),
    optional("venue_order_id", Text()),
    required("fill_count", BigInteger()),
    required("verdict_ids", ARRAY(BigInteger())),
    required("created_at", INSTANT),
    required("updated_at", INSTANT),
    required("intent_wall_at", INSTANT),
    required("run_id", Text()),
    Index("orders_by_decision", "decision_id"),
    Index(
        "orders_one_live_leg",
        "market_ticker",
        "leg",
        unique=True,
        postgresql_where=text("status IN ('intent', 'unknown', 'resting')"),
    ),
    UniqueConstraint("signal_id", "leg", "attempt", name="orders_one_attempt"),
)

# Append-only. A trigger writes an event of each change; a request is noted before it is sent.
order_events = Table(
    "order_events",
    metadata,
    Column("event_id", BigInteger(), Identity(), primary_key=True),
    required("client_order_id", Text()),
    required("at", INSTANT),
    required("kind", Text()),
    required("status", Text()),
    required("fill_count", BigInteger()),
    required("expires_at", INSTANT),
    required("detail", Text()),
    Index("order_events_by_order", "client_order_id"),
)

fills = Table(
    "fills",
    metadata,
    required("fill_id", Text(), primary_key=True),
    required("venue_order_id", Text()),
    optional("client_order_id", Text()),
    required("market_ticker", Text()),
    required("side", Text()),
    required("count", BigInteger()),
    required("yes_price", Integer()),
    required("fee_micros", BigInteger()),
    required("is_taker", Boolean()),
    required("filled_at", INSTANT),
    # Made before the books were opened: in the opening balance already.
    required("is_before_opening", Boolean()),
    Index("fills_by_order", "client_order_id"),
)

positions = Table(
    "positions",
    metadata,
    required("as_of", INSTANT, primary_key=True),
    required("market_ticker", Text(), primary_key=True),
    required("position", BigInteger()),
    required("exposure_micros", BigInteger()),
    required("realized_pnl_micros", BigInteger()),
    required("fees_paid_micros", BigInteger()),
    optional("sell_price", Integer()),
)

settlements = Table(
    "settlements",
    metadata,
    required("market_ticker", Text(), primary_key=True),
    required("settled_at", INSTANT, primary_key=True),
    required("result", Text()),
    required("yes_count", BigInteger()),
    required("no_count", BigInteger()),
    required("revenue_micros", BigInteger()),
    required("fee_micros", BigInteger()),
    required("is_before_opening", Boolean()),
)

portfolio = Table(
    "portfolio",
    metadata,
    required("as_of", INSTANT, primary_key=True),
    required("cash_micros", BigInteger()),
    optional("positions_value_micros", BigInteger()),
    optional("value_micros", BigInteger()),
    required("open_positions", Integer()),
)

# Cash that no fill and no settlement brought: the balance when the books were opened, deposits,
# withdrawals. `positions` are those held at the opening, with their cost.
cash_movements = Table(
    "cash_movements",
    metadata,
    Column("movement_id", BigInteger(), Identity(), primary_key=True),
    required("at", INSTANT),
    required("kind", Text()),
    required("amount_micros", BigInteger()),
    required("positions", JSONB()),
    required("note", Text()),
    Index(
        "cash_movements_one_opening",
        "kind",
        unique=True,
        postgresql_where=text("kind = 'opening'"),
    ),
)

# Orders on the account that this ledger did not send, as first seen. `manual`: of another scheme
# than ours, left alone. `unknown`: of ours, so another host trades on this key, or the ledger lost
# rows. `earlier`: of ours, but dead when the books were opened.
foreign_orders = Table(
    "foreign_orders",
    metadata,
    required("order_id", Text(), primary_key=True),
    required("client_order_id", Text()),
    required("market_ticker", Text()),
    required("side", Text()),
    required("status", Text()),
    required("count", BigInteger()),
    required("yes_price", Integer()),
    required("kind", Text()),
    required("created_at", INSTANT),
    required("seen_at", INSTANT),
)

# How far the account's past is read, list by list and tier by tier. A pass goes from the newest row
# to the oldest; `cursor` leads to the page it reads next, `since` is the moment it goes back to
# (NULL: all the way), `newest_at` the newest moment met so far. Its counts are of this pass.
history_imports = Table(
    "history_imports",
    metadata,
    required("venue", Text(), primary_key=True),
    required("kind", Text(), primary_key=True),
    required("tier", Text(), primary_key=True),
    required("cursor", Text()),
    optional("since", INSTANT),
    optional("newest_at", INSTANT),
    required("pages", BigInteger()),
    required("added", BigInteger()),
    required("known", BigInteger()),
    required("left_out", BigInteger()),
    required("malformed", BigInteger()),
    required("is_done", Boolean()),
    required("updated_at", INSTANT),
)
