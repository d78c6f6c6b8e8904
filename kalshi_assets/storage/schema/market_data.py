"""Market data, its checks, and the signals made of it."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kalshi_assets.storage.schema.columns import INSTANT, SCHEMA, metadata, optional, required

series = Table(
    "series",
    metadata,
    required("ticker", Text(), primary_key=True),
    required("title", Text()),
    required("category", Text()),
    required("fee_type", Text()),
    required("fee_multiplier", Numeric()),
    required("seen_at", INSTANT),
)

events = Table(
    "events",
    metadata,
    required("ticker", Text(), primary_key=True),
    required("is_mutually_exclusive", Boolean()),
    required("seen_at", INSTANT),
)

markets = Table(
    "markets",
    metadata,
    required("ticker", Text(), primary_key=True),
    required("event_ticker", Text()),
    required("series_ticker", Text()),
    required("title", Text()),
    required("status", Text()),
    required("open_at", INSTANT),
    required("close_at", INSTANT),
    required("grid", JSONB()),
    required("result", Text()),
    required("volume_24h", BigInteger()),
    required("is_tracked", Boolean()),
    required("first_seen_at", INSTANT),
    required("seen_at", INSTANT),
    optional("exchange_index", Integer()),
)

# What a tick's way in is: a market, and the poll, the stream, or candles of some interval.
tick_sources = Table(
    "tick_sources",
    metadata,
    Column("source_id", Integer(), Identity(), primary_key=True),
    required("market_ticker", Text()),
    required("source", Text()),
    required("source_key", Text()),
    UniqueConstraint("market_ticker", "source", "source_key", name="tick_sources_words"),
)

tick_statuses = Table(
    "tick_statuses",
    metadata,
    Column("status_id", SmallInteger(), Identity(), primary_key=True),
    required("status", Text()),
    UniqueConstraint("status", name="tick_statuses_words"),
)

# Polls and stream. The order of columns leaves no room between them, and an index of ranges instead
# of rows costs next to nothing: some 110 bytes a tick in all. `storage.raw_ticks` keeps it unique.
live_ticks = Table(
    "live_ticks",
    metadata,
    required("observed_at", INSTANT),
    required("quoted_at", INSTANT),
    optional("volume", BigInteger()),
    optional("volume_24h", BigInteger()),
    required("open_interest", BigInteger()),
    optional("yes_bid_size", BigInteger()),
    optional("yes_ask_size", BigInteger()),
    required("source_id", Integer()),
    required("received_after_ms", Integer()),
    required("yes_bid", Integer()),
    required("yes_ask", Integer()),
    optional("last_price", Integer()),
    required("status_id", SmallInteger()),
    Index(
        "live_ticks_by_moment",
        "observed_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
    ),
    postgresql_partition_by="RANGE (observed_at)",
)

candle_ticks = Table(
    "candle_ticks",
    metadata,
    required("observed_at", INSTANT, primary_key=True),
    required("source_id", Integer(), primary_key=True),
    required("status_id", SmallInteger()),
    required("quoted_at", INSTANT),
    required("received_at", INSTANT),
    required("yes_bid", Integer()),
    required("yes_ask", Integer()),
    optional("last_price", Integer()),
    optional("bar_volume", BigInteger()),
    required("open_interest", BigInteger()),
    optional("bid_open", Integer()),
    optional("bid_low", Integer()),
    optional("bid_high", Integer()),
    optional("ask_open", Integer()),
    optional("ask_low", Integer()),
    optional("ask_high", Integer()),
    optional("trade_open", Integer()),
    optional("trade_low", Integer()),
    optional("trade_high", Integer()),
    postgresql_partition_by="RANGE (observed_at)",
)

# A view of both, in words: to be read, never to be written.
raw_ticks = Table(
    "raw_ticks",
    MetaData(schema=SCHEMA),
    required("observed_at", INSTANT),
    required("market_ticker", Text()),
    required("source", Text()),
    required("source_key", Text()),
    required("quoted_at", INSTANT),
    required("received_at", INSTANT),
    required("status", Text()),
    required("yes_bid", Integer()),
    required("yes_ask", Integer()),
    optional("yes_bid_size", BigInteger()),
    optional("yes_ask_size", BigInteger()),
    optional("last_price", Integer()),
    optional("volume", BigInteger()),
    optional("volume_24h", BigInteger()),
    optional("bar_volume", BigInteger()),
    required("open_interest", BigInteger()),
    optional("bid_open", Integer()),
    optional("bid_low", Integer()),
    optional("bid_high", Integer()),
    optional("ask_open", Integer()),
    optional("ask_low", Integer()),
    optional("ask_high", Integer()),
    optional("trade_open", Integer()),
    optional("trade_low", Integer()),
    optional("trade_high", Integer()),
)

clean_ticks = Table(
    "clean_ticks",
    metadata,
    required("observed_at", INSTANT, primary_key=True),
    required("market_ticker", Text(), primary_key=True),
    required("source", Text()),
    required("source_key", Text()),
    required("yes_bid", Integer()),
    required("yes_ask", Integer()),
    required("mid", Integer()),
    required("spread", Integer()),
    required("hold_ms", BigInteger()),
    required("is_usable", Boolean()),
    required("faults", ARRAY(Text())),
    # Running totals of the day up to this tick: price x milliseconds, milliseconds covered, ticks.
    required("price_ms", BigInteger()),
    required("covered_ms", BigInteger()),
    required("tick_count", Integer()),
    Index("clean_ticks_by_market", "market_ticker", text("observed_at DESC")),
    Index(
        "clean_ticks_contract_rolls",
        "market_ticker",
        "observed_at",
        postgresql_where=text("'contract_roll' = ANY (faults)"),
    ),
    postgresql_partition_by="RANGE (observed_at)",
)

# What cleaning knows of a market at the end of its clean ticks of a day: see analytics/memory.py.
cleaning_memories = Table(
    "cleaning_memories",
    metadata,
    required("day", Date(), primary_key=True),
    required("market_ticker", Text(), primary_key=True),
    required("observed_at", INSTANT),
    required("memory", JSONB()),
)

rolling_averages = Table(
    "rolling_averages",
    metadata,
    required("as_of", INSTANT, primary_key=True),
    required("market_ticker", Text(), primary_key=True),
    required("window_days", Integer(), primary_key=True),
    required("window_start", INSTANT),
    optional("mean", Numeric()),
    required("coverage", Numeric()),
    required("covered_ms", BigInteger()),
    required("price_ms", BigInteger()),
    required("tick_count", Integer()),
    required("content_hash", Text()),
    Index("rolling_averages_by_market", "market_ticker", text("as_of DESC")),
    postgresql_partition_by="RANGE (as_of)",
)

daily_summaries = Table(
    "daily_summaries",
    metadata,
    required("day", Date(), primary_key=True),
    required("market_ticker", Text(), primary_key=True),
    optional("mid_open", Integer()),
    optional("mid_high", Integer()),
    optional("mid_low", Integer()),
    optional("mid_close", Integer()),
    optional("trade_open", Integer()),
    optional("trade_high", Integer()),
    optional("trade_low", Integer()),
    optional("trade_close", Integer()),
    optional("mean", Numeric()),
    required("price_ms", BigInteger()),
    required("covered_ms", BigInteger()),
    required("coverage", Numeric()),
    required("tick_count", Integer()),
    optional("volume", BigInteger()),
    optional("open_interest", BigInteger()),
    required("is_provisional", Boolean()),
    # Averages sum the days of a window: the index holds what they sum, so no row is looked up.
    Index(
        "daily_summaries_by_market",
        "market_ticker",
        text("day DESC"),
        postgresql_include=["price_ms", "covered_ms", "tick_count", "is_provisional"],
    ),
)

signals = Table(
    "signals",
    metadata,
    required("signal_id", Text(), primary_key=True),
    required("day", Date()),
    required("strategy", Text()),
    required("market_ticker", Text()),
    required("started_at", INSTANT),
    required("last_seen_at", INSTANT),
    optional("ended_at", INSTANT),
    required("status", Text()),
    required("side", Text()),
    required("strength", Numeric()),
    required("deviation", Integer()),
    required("mid", Integer()),
    required("mean", Numeric()),
    required("coverage", Numeric()),
    optional("triggered_at", INSTANT),
    optional("reference_price", Integer()),
    required("average_hash", Text()),
    Index("signals_by_day", "day"),
)

trades = Table(
    "trades",
    metadata,
    required("traded_at", INSTANT, primary_key=True),
    required("trade_id", Text(), primary_key=True),
    required("market_ticker", Text()),
    required("yes_price", Integer()),
    required("count", BigInteger()),
    required("taker_side", Text()),
    optional("is_block_trade", Boolean()),
    required("source", Text()),
    required("received_at", INSTANT),
    Index("trades_by_market", "market_ticker", text("traded_at DESC")),
    postgresql_partition_by="RANGE (traded_at)",
)

gaps = Table(
    "gaps",
    metadata,
    Column("gap_id", BigInteger(), Identity(), primary_key=True),
    required("source", Text()),
    required("channel", Text()),
    required("market_tickers", ARRAY(Text())),
    required("from_at", INSTANT),
    # None while it is open.
    optional("to_at", INSTANT),
    required("reason", Text()),
    required("noted_at", INSTANT),
    Index("gaps_once", "source", "channel", "market_tickers", "from_at", unique=True),
    Index("gaps_by_start", "from_at"),
)

polls = Table(
    "polls",
    metadata,
    required("slot", INSTANT, primary_key=True),
    required("received_at", INSTANT),
    required("expected", ARRAY(Text())),
    required("received", Integer()),
    required("duplicates", ARRAY(Text())),
    required("rejected", Integer()),
)

history_loads = Table(
    "history_loads",
    metadata,
    required("day", Date(), primary_key=True),
    required("market_ticker", Text(), primary_key=True),
    required("loaded_until", INSTANT),
    required("candles", Integer()),
    # When everything made of these candles was there, up to signals.
    optional("completed_at", INSTANT),
    # Empty while the day's trades were not asked for.
    optional("trades", Integer()),
)

universe_changes = Table(
    "universe_changes",
    metadata,
    Column("change_id", BigInteger(), Identity(), primary_key=True),
    required("market_ticker", Text()),
    required("at", INSTANT),
    required("change", Text()),
    required("why", Text()),
    Index("universe_changes_by_market", "market_ticker", "at"),
)

# Days whose averages were made of ticks that have changed since.
averages_due = Table("averages_due", metadata, required("day", Date(), primary_key=True))

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", BigInteger(), Identity(), primary_key=True),
    required("received_at", INSTANT),
    required("source", Text()),
    required("reason", Text()),
    required("payload", LargeBinary()),
    required("run_id", Text()),
)

# A day's rows of a table in a Parquet file, verified; of the whole day, or of some markets.
archives = Table(
    "archives",
    metadata,
    required("day", Date(), primary_key=True),
    required("dataset", Text(), primary_key=True),
    required("is_whole_day", Boolean()),
    required("market_tickers", ARRAY(Text())),
    required("path", Text()),
    required("rows", BigInteger()),
    required("content_hash", Text()),
    required("archived_at", INSTANT),
    optional("dropped_at", INSTANT),
    # What was restored is not dropped again before.
    optional("keep_until", INSTANT),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_id", BigInteger(), Identity(), primary_key=True),
    required("check_name", Text()),
    required("asset", Text()),
    required("as_of", INSTANT),
    required("is_passed", Boolean()),
    required("observed", Text()),
    required("threshold", Text()),
    required("markets_checked", ARRAY(Text())),
    required("markets_failed", JSONB()),
    required("run_id", Text()),
    Index("verdicts_by_check", "check_name", text("as_of DESC")),
)
