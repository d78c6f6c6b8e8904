"""The tables, as data. Prices and money: micros (10^-6 USD); counts: centicontracts (0.01).

A change here needs a migration in `migrations/versions`; a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

SCHEMA = "kalshi"
# Tables that hold one native partition a New York day, and the column that decides the day.
DAY_PARTITIONED = {
    "raw_ticks": "observed_at",
    "clean_ticks": "observed_at",
    "rolling_averages": "as_of",
}

metadata = MetaData(schema=SCHEMA)
INSTANT = DateTime(timezone=True)


def _required(name: str, kind: TypeEngine[Any], *, primary_key: bool = False) -> Column[Any]:
    return Column(name, kind, nullable=False, primary_key=primary_key)


def _optional(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    return Column(name, kind, nullable=True)


installation = Table(
    "installation",
    metadata,
    _required("identity", Text(), primary_key=True),
    _required("created_at", INSTANT),
)

series = Table(
    "series",
    metadata,
    _required("ticker", Text(), primary_key=True),
    _required("title", Text()),
    _required("category", Text()),
    _required("fee_type", Text()),
    _required("fee_multiplier", Numeric()),
    _required("seen_at", INSTANT),
)

markets = Table(
    "markets",
    metadata,
    _required("ticker", Text(), primary_key=True),
    _required("event_ticker", Text()),
    _required("series_ticker", Text()),
    _required("title", Text()),
    _required("status", Text()),
    _required("open_at", INSTANT),
    _required("close_at", INSTANT),
    _required("grid", JSONB()),
    _required("result", Text()),
    _required("volume_24h", BigInteger()),
    _required("is_tracked", Boolean()),
    _required("first_seen_at", INSTANT),
    _required("seen_at", INSTANT),
)

raw_ticks = Table(
    "raw_ticks",
    metadata,
    _required("observed_at", INSTANT, primary_key=True),
    _required("market_ticker", Text(), primary_key=True),
    _required("source", Text(), primary_key=True),
    _required("source_key", Text(), primary_key=True),
    _required("quoted_at", INSTANT),
    _required("received_at", INSTANT),
    _required("status", Text()),
    _required("yes_bid", Integer()),
    _required("yes_ask", Integer()),
    _optional("yes_bid_size", BigInteger()),
    _optional("yes_ask_size", BigInteger()),
    _optional("last_price", Integer()),
    _optional("volume", BigInteger()),
    _optional("volume_24h", BigInteger()),
    _optional("bar_volume", BigInteger()),
    _required("open_interest", BigInteger()),
    _optional("bid_open", Integer()),
    _optional("bid_low", Integer()),
    _optional("bid_high", Integer()),
    _optional("ask_open", Integer()),
    _optional("ask_low", Integer()),
    _optional("ask_high", Integer()),
    _optional("trade_open", Integer()),
    _optional("trade_low", Integer()),
    _optional("trade_high", Integer()),
    Index("raw_ticks_by_market", "market_ticker", text("observed_at DESC")),
    postgresql_partition_by="RANGE (observed_at)",
)

clean_ticks = Table(
    "clean_ticks",
    metadata,
    _required("observed_at", INSTANT, primary_key=True),
    _required("market_ticker", Text(), primary_key=True),
    _required("source", Text()),
    _required("source_key", Text()),
    _required("yes_bid", Integer()),
    _required("yes_ask", Integer()),
    _required("mid", Integer()),
    _required("spread", Integer()),
    _required("hold_ms", BigInteger()),
    _required("is_usable", Boolean()),
    _required("faults", ARRAY(Text())),
    # Running totals of the day up to this tick: price x milliseconds, milliseconds covered, ticks.
    _required("price_ms", BigInteger()),
    _required("covered_ms", BigInteger()),
    _required("tick_count", Integer()),
    Index("clean_ticks_by_market", "market_ticker", text("observed_at DESC")),
    Index(
        "clean_ticks_contract_rolls",
        "market_ticker",
        "observed_at",
        postgresql_where=text("'contract_roll' = ANY (faults)"),
    ),
    postgresql_partition_by="RANGE (observed_at)",
)

rolling_averages = Table(
    "rolling_averages",
    metadata,
    _required("as_of", INSTANT, primary_key=True),
    _required("market_ticker", Text(), primary_key=True),
    _required("window_days", Integer(), primary_key=True),
    _required("window_start", INSTANT),
    _optional("mean", Numeric()),
    _required("coverage", Numeric()),
    _required("covered_ms", BigInteger()),
    _required("price_ms", BigInteger()),
    _required("tick_count", Integer()),
    _required("content_hash", Text()),
    Index("rolling_averages_by_market", "market_ticker", text("as_of DESC")),
    postgresql_partition_by="RANGE (as_of)",
)

daily_summaries = Table(
    "daily_summaries",
    metadata,
    _required("day", Date(), primary_key=True),
    _required("market_ticker", Text(), primary_key=True),
    _optional("mid_open", Integer()),
    _optional("mid_high", Integer()),
    _optional("mid_low", Integer()),
    _optional("mid_close", Integer()),
    _optional("trade_open", Integer()),
    _optional("trade_high", Integer()),
    _optional("trade_low", Integer()),
    _optional("trade_close", Integer()),
    _optional("mean", Numeric()),
    _required("price_ms", BigInteger()),
    _required("covered_ms", BigInteger()),
    _required("coverage", Numeric()),
    _required("tick_count", Integer()),
    _optional("volume", BigInteger()),
    _optional("open_interest", BigInteger()),
    _required("is_provisional", Boolean()),
    Index("daily_summaries_by_market", "market_ticker", text("day DESC")),
)

signals = Table(
    "signals",
    metadata,
    _required("signal_id", Text(), primary_key=True),
    _required("day", Date()),
    _required("strategy", Text()),
    _required("market_ticker", Text()),
    _required("started_at", INSTANT),
    _required("last_seen_at", INSTANT),
    _optional("ended_at", INSTANT),
    _required("status", Text()),
    _required("side", Text()),
    _required("strength", Numeric()),
    _required("deviation", Integer()),
    _required("mid", Integer()),
    _required("mean", Numeric()),
    _required("coverage", Numeric()),
    _optional("triggered_at", INSTANT),
    _optional("reference_price", Integer()),
    _required("average_hash", Text()),
    Index("signals_by_day", "day"),
)

decisions = Table(
    "decisions",
    metadata,
    _required("decision_id", Text(), primary_key=True),
    _required("signal_id", Text()),
    _required("strategy", Text()),
    _required("market_ticker", Text()),
    _required("judged_at", INSTANT),
    _required("outcome", Text()),
    _required("refused_by", ARRAY(Text())),
    _required("gates", JSONB()),
    _required("inputs", JSONB()),
    _required("side", Text()),
    _required("attempt", Integer()),
    _optional("count", BigInteger()),
    _optional("cost_micros", BigInteger()),
    _required("run_id", Text()),
    Index("decisions_by_signal", "signal_id", text("judged_at DESC")),
)

orders = Table(
    "orders",
    metadata,
    _required("client_order_id", Text(), primary_key=True),
    _required("decision_id", Text()),
    _required("signal_id", Text()),
    _required("market_ticker", Text()),
    _required("leg", Text()),
    _required("attempt", Integer()),
    _required("side", Text()),
    _required("limit_price", Integer()),
    _required("count", BigInteger()),
    _required("expires_at", INSTANT),
    _required("status", Text()),
    _required("reason", Text()),
    _optional("venue_order_id", Text()),
    _required("fill_count", BigInteger()),
    _required("verdict_ids", ARRAY(BigInteger())),
    _required("created_at", INSTANT),
    _required("updated_at", INSTANT),
    _required("intent_wall_at", INSTANT),
    _required("run_id", Text()),
    Index(
        "orders_one_live_entry",
        "market_ticker",
        unique=True,
        postgresql_where=text("status IN ('intent', 'unknown', 'resting')"),
    ),
    Index("orders_by_signal", "signal_id"),
)

order_events = Table(
    "order_events",
    metadata,
    Column("event_id", BigInteger(), Identity(), primary_key=True),
    _required("client_order_id", Text()),
    _required("at", INSTANT),
    _required("status", Text()),
    _required("detail", Text()),
    Index("order_events_by_order", "client_order_id"),
)

fills = Table(
    "fills",
    metadata,
    _required("fill_id", Text(), primary_key=True),
    _required("venue_order_id", Text()),
    _optional("client_order_id", Text()),
    _required("market_ticker", Text()),
    _required("side", Text()),
    _required("count", BigInteger()),
    _required("yes_price", Integer()),
    _required("fee_micros", BigInteger()),
    _required("is_taker", Boolean()),
    _required("filled_at", INSTANT),
)

positions = Table(
    "positions",
    metadata,
    _required("as_of", INSTANT, primary_key=True),
    _required("market_ticker", Text(), primary_key=True),
    _required("position", BigInteger()),
    _required("exposure_micros", BigInteger()),
    _required("realized_pnl_micros", BigInteger()),
    _required("fees_paid_micros", BigInteger()),
    _optional("sell_price", Integer()),
)

settlements = Table(
    "settlements",
    metadata,
    _required("market_ticker", Text(), primary_key=True),
    _required("settled_at", INSTANT, primary_key=True),
    _required("result", Text()),
    _required("yes_count", BigInteger()),
    _required("no_count", BigInteger()),
    _required("revenue_micros", BigInteger()),
    _required("fee_micros", BigInteger()),
)

portfolio = Table(
    "portfolio",
    metadata,
    _required("as_of", INSTANT, primary_key=True),
    _required("cash_micros", BigInteger()),
    _optional("positions_value_micros", BigInteger()),
    _optional("value_micros", BigInteger()),
    _required("open_positions", Integer()),
)

# The paper venue's own books; what the ledger knows of them it asks for, as of any venue.
paper_orders = Table(
    "paper_orders",
    metadata,
    _required("order_id", Text(), primary_key=True),
    _required("client_order_id", Text()),
    _required("market_ticker", Text()),
    _required("side", Text()),
    _required("limit_price", Integer()),
    _required("initial_count", BigInteger()),
    _required("fill_count", BigInteger()),
    _required("status", Text()),
    _required("reason", Text()),
    _required("fee_type", Text()),
    _required("fee_multiplier", Numeric()),
    _required("fees_micros", BigInteger()),
    _required("created_at", INSTANT),
    _required("updated_at", INSTANT),
    _required("expires_at", INSTANT),
    Index("paper_orders_by_client_id", "client_order_id", unique=True),
    Index("paper_orders_resting", "market_ticker", postgresql_where=text("status = 'resting'")),
)

paper_fills = Table(
    "paper_fills",
    metadata,
    Column("fill_number", BigInteger(), Identity(), primary_key=True),
    _required("fill_id", Text()),
    _required("order_id", Text()),
    _required("market_ticker", Text()),
    _required("side", Text()),
    _required("count", BigInteger()),
    _required("yes_price", Integer()),
    _required("fee_micros", BigInteger()),
    _required("is_taker", Boolean()),
    _required("filled_at", INSTANT),
    Index("paper_fills_by_id", "fill_id", unique=True),
)

paper_settlements = Table(
    "paper_settlements",
    metadata,
    _required("market_ticker", Text(), primary_key=True),
    _required("settled_at", INSTANT),
    _required("result", Text()),
    _required("yes_count", BigInteger()),
    _required("no_count", BigInteger()),
    _required("revenue_micros", BigInteger()),
    _required("fee_micros", BigInteger()),
)

# What paper fills took of the levels the exchange still displays, by side and price bought.
paper_taken = Table(
    "paper_taken",
    metadata,
    _required("market_ticker", Text(), primary_key=True),
    _required("side", Text(), primary_key=True),
    _required("price", Integer(), primary_key=True),
    _required("count", BigInteger()),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_id", BigInteger(), Identity(), primary_key=True),
    _required("check_name", Text()),
    _required("asset", Text()),
    _required("as_of", INSTANT),
    _required("is_passed", Boolean()),
    _required("observed", Text()),
    _required("threshold", Text()),
    _required("markets_checked", ARRAY(Text())),
    _required("markets_failed", JSONB()),
    _required("run_id", Text()),
    Index("verdicts_by_check", "check_name", text("as_of DESC")),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", BigInteger(), Identity(), primary_key=True),
    _required("received_at", INSTANT),
    _required("source", Text()),
    _required("reason", Text()),
    _required("payload", LargeBinary()),
    _required("run_id", Text()),
)

polls = Table(
    "polls",
    metadata,
    _required("slot", INSTANT, primary_key=True),
    _required("received_at", INSTANT),
    _required("expected", ARRAY(Text())),
    _required("received", Integer()),
    _required("duplicates", ARRAY(Text())),
    _required("rejected", Integer()),
)

history_loads = Table(
    "history_loads",
    metadata,
    _required("day", Date(), primary_key=True),
    _required("market_ticker", Text(), primary_key=True),
    _required("loaded_until", INSTANT),
    _required("candles", Integer()),
    # When everything made of these candles was there, up to signals.
    _optional("completed_at", INSTANT),
)

trading_state = Table(
    "trading_state",
    metadata,
    _required("changed_at", INSTANT, primary_key=True),
    _required("state", Text()),
    _required("reason", Text()),
)

# Every call that went to the exchange, wall time; `dropped_before`: calls the log lost before it.
api_calls = Table(
    "api_calls",
    metadata,
    Column("call_id", BigInteger(), Identity(), primary_key=True),
    _required("at", INSTANT),
    _required("host", Text()),
    _required("method", Text()),
    _required("path", Text()),
    _optional("status", Integer()),
    _required("error", Text()),
    _required("cost", Integer()),
    _required("latency_ms", Integer()),
    _required("attempt", Integer()),
    _required("dropped_before", Integer()),
    Index("api_calls_by_time", "at"),
)

# The newest row of a host is the state of its breaker.
breaker_transitions = Table(
    "breaker_transitions",
    metadata,
    Column("transition_id", BigInteger(), Identity(), primary_key=True),
    _required("at", INSTANT),
    _required("host", Text()),
    _required("from_state", Text()),
    _required("to_state", Text()),
    _required("reason", Text()),
    _required("openings", Integer()),
    _optional("until", INSTANT),
    Index("breaker_transitions_by_host", "host", text("transition_id DESC")),
)
