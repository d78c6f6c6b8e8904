"""What a review looks at: round trips and overrides, made anew from the ledger week by week."""

from sqlalchemy import ARRAY, BigInteger, Boolean, Date, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from kalshi_assets.storage.schema.columns import INSTANT, metadata, optional, required

# A week's round trips: those that were closed in it, and those still open at its end. `week` is its
# first day. A trip open over several weeks has a row in each: its result up to that week's end.
trade_journal = Table(
    "trade_journal",
    metadata,
    required("week", Date(), primary_key=True),
    required("trip_id", Text(), primary_key=True),
    required("kind", Text()),
    optional("strategy", Text()),
    optional("signal_id", Text()),
    required("market_ticker", Text()),
    required("side", Text()),
    required("count", BigInteger()),
    required("closed_count", BigInteger()),
    required("entry_price_micros", Integer()),
    optional("exit_price_micros", Integer()),
    required("entry_cost_micros", BigInteger()),
    required("proceeds_micros", BigInteger()),
    required("entry_fees_micros", BigInteger()),
    required("exit_fees_micros", BigInteger()),
    required("opened_at", INSTANT),
    optional("closed_at", INSTANT),
    optional("holding_seconds", BigInteger()),
    required("closings", ARRAY(Text())),
    required("realized_micros", BigInteger()),
    # None: what is open has no known price.
    optional("open_value_micros", BigInteger()),
    optional("result_micros", BigInteger()),
    optional("mean_micros", Integer()),
    optional("mid_micros", Integer()),
    optional("limit_micros", Integer()),
    optional("edge_micros", Integer()),
    optional("slippage_mid_micros", Integer()),
    optional("slippage_limit_micros", Integer()),
    required("entry_order_ids", ARRAY(Text())),
    required("exit_order_ids", ARRAY(Text())),
    Index("trade_journal_by_signal", "signal_id"),
)

# What a hand changed of what the bot did, in the week in which it did so.
overrides = Table(
    "overrides",
    metadata,
    required("week", Date(), primary_key=True),
    required("kind", Text(), primary_key=True),
    required("order_id", Text(), primary_key=True),
    required("signal_id", Text(), primary_key=True),
    required("at", INSTANT),
    required("market_ticker", Text()),
    required("side", Text()),
    optional("trip_id", Text()),
    required("count", BigInteger()),
    optional("came_micros", BigInteger()),
    optional("rule_micros", BigInteger()),
    optional("gain_micros", BigInteger()),
)

# A week's review as it was made last; `review` is all of it, as its JSON says it.
weekly_reviews = Table(
    "weekly_reviews",
    metadata,
    required("first_day", Date(), primary_key=True),
    required("known_until", INSTANT),
    required("is_provisional", Boolean()),
    required("answer", Text()),
    required("review", JSONB()),
    required("content_hash", Text()),
)
