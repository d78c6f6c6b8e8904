"""Keep raw ticks compactly, and make room for trades and gaps.

Revision: 0009, after 0008. `raw_ticks` becomes a view over two tables, its rows move.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INSTANT = sa.DateTime(timezone=True)
MOVE = """
DO $$
DECLARE part record;
BEGIN
    INSERT INTO kalshi.tick_sources (market_ticker, source, source_key)
        SELECT DISTINCT market_ticker, source, source_key FROM kalshi.raw_ticks;
    INSERT INTO kalshi.tick_statuses (status) SELECT DISTINCT status FROM kalshi.raw_ticks;
    FOR part IN
        SELECT right(c.relname, 8) AS day, pg_get_expr(c.relpartbound, c.oid) AS bounds
        FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
        WHERE inhparent = 'kalshi.raw_ticks'::regclass
    LOOP
        EXECUTE format('CREATE TABLE kalshi.live_ticks_%s PARTITION OF kalshi.live_ticks %s',
                       part.day, part.bounds);
        EXECUTE format('CREATE TABLE kalshi.candle_ticks_%s PARTITION OF kalshi.candle_ticks %s',
                       part.day, part.bounds);
    END LOOP;
    INSERT INTO kalshi.live_ticks
        SELECT observed_at, quoted_at, volume, volume_24h, open_interest, yes_bid_size,
               yes_ask_size, source_id,
               floor(extract(epoch FROM received_at - observed_at) * 1000)::int,
               yes_bid, yes_ask, last_price, status_id
        FROM kalshi.raw_ticks JOIN kalshi.tick_sources USING (market_ticker, source, source_key)
             JOIN kalshi.tick_statuses USING (status)
        WHERE source <> 'candle' ORDER BY observed_at;
    INSERT INTO kalshi.candle_ticks
        SELECT observed_at, source_id, status_id, quoted_at, received_at, yes_bid, yes_ask,
               last_price, bar_volume, open_interest, bid_open, bid_low, bid_high,
               ask_open, ask_low, ask_high, trade_open, trade_low, trade_high
        FROM kalshi.raw_ticks JOIN kalshi.tick_sources USING (market_ticker, source, source_key)
             JOIN kalshi.tick_statuses USING (status)
        WHERE source = 'candle' ORDER BY observed_at;
END $$
"""
VIEW = """
CREATE VIEW kalshi.raw_ticks AS
SELECT t.observed_at, s.market_ticker, s.source, s.source_key, t.quoted_at,
       t.observed_at + t.received_after_ms * interval '1 millisecond' AS received_at,
       u.status, t.yes_bid, t.yes_ask, t.yes_bid_size, t.yes_ask_size, t.last_price,
       t.volume, t.volume_24h, NULL::bigint AS bar_volume, t.open_interest,
       NULL::int AS bid_open, NULL::int AS bid_low, NULL::int AS bid_high,
       NULL::int AS ask_open, NULL::int AS ask_low, NULL::int AS ask_high,
       NULL::int AS trade_open, NULL::int AS trade_low, NULL::int AS trade_high
FROM kalshi.live_ticks t
     JOIN kalshi.tick_sources s USING (source_id) JOIN kalshi.tick_statuses u USING (status_id)
UNION ALL
SELECT t.observed_at, s.market_ticker, s.source, s.source_key, t.quoted_at,
       t.received_at, u.status, t.yes_bid, t.yes_ask, NULL, NULL, t.last_price,
       NULL, NULL, t.bar_volume, t.open_interest,
       t.bid_open, t.bid_low, t.bid_high, t.ask_open, t.ask_low, t.ask_high,
       t.trade_open, t.trade_low, t.trade_high
FROM kalshi.candle_ticks t
     JOIN kalshi.tick_sources s USING (source_id) JOIN kalshi.tick_statuses u USING (status_id)
"""


def upgrade() -> None:
    _make_words()
    _make_live_ticks()
    _make_candle_ticks()
    op.execute(MOVE)
    op.drop_table("raw_ticks", schema="kalshi")
    op.execute(VIEW)
    _make_trades()
    _make_gaps()


def _make_words() -> None:
    op.create_table(
        "tick_sources",
        sa.Column("source_id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source_id"),
        sa.UniqueConstraint("market_ticker", "source", "source_key", name="tick_sources_words"),
        schema="kalshi",
    )
    op.create_table(
        "tick_statuses",
        sa.Column("status_id", sa.SmallInteger(), sa.Identity(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("status_id"),
        sa.UniqueConstraint("status", name="tick_statuses_words"),
        schema="kalshi",
    )


def _make_live_ticks() -> None:
    op.create_table(
        "live_ticks",
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("quoted_at", INSTANT, nullable=False),
        sa.Column("volume", sa.BigInteger(), nullable=True),
        sa.Column("volume_24h", sa.BigInteger(), nullable=True),
        sa.Column("open_interest", sa.BigInteger(), nullable=False),
        sa.Column("yes_bid_size", sa.BigInteger(), nullable=True),
        sa.Column("yes_ask_size", sa.BigInteger(), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("received_after_ms", sa.Integer(), nullable=False),
        sa.Column("yes_bid", sa.Integer(), nullable=False),
        sa.Column("yes_ask", sa.Integer(), nullable=False),
        sa.Column("last_price", sa.Integer(), nullable=True),
        sa.Column("status_id", sa.SmallInteger(), nullable=False),
        schema="kalshi",
        postgresql_partition_by="RANGE (observed_at)",
    )
    op.create_index(
        "live_ticks_by_moment",
        "live_ticks",
        ["observed_at"],
        schema="kalshi",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
    )


def _make_candle_ticks() -> None:
    prices = ("bid_open", "bid_low", "bid_high", "ask_open", "ask_low", "ask_high")
    trades = ("trade_open", "trade_low", "trade_high")
    op.create_table(
        "candle_ticks",
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("status_id", sa.SmallInteger(), nullable=False),
        sa.Column("quoted_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("yes_bid", sa.Integer(), nullable=False),
        sa.Column("yes_ask", sa.Integer(), nullable=False),
        sa.Column("last_price", sa.Integer(), nullable=True),
        sa.Column("bar_volume", sa.BigInteger(), nullable=True),
        sa.Column("open_interest", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in (*prices, *trades)),
        sa.PrimaryKeyConstraint("observed_at", "source_id"),
        schema="kalshi",
        postgresql_partition_by="RANGE (observed_at)",
    )


def _make_trades() -> None:
    op.create_table(
        "trades",
        sa.Column("traded_at", INSTANT, nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=False),
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("yes_price", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("taker_side", sa.Text(), nullable=False),
        sa.Column("is_block_trade", sa.Boolean(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("traded_at", "trade_id"),
        schema="kalshi",
        postgresql_partition_by="RANGE (traded_at)",
    )
    op.create_index(
        "trades_by_market",
        "trades",
        ["market_ticker", sa.literal_column("traded_at DESC")],
        schema="kalshi",
    )


def _make_gaps() -> None:
    op.create_table(
        "gaps",
        sa.Column("gap_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("market_tickers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("to_at", INSTANT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noted_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("gap_id"),
        schema="kalshi",
    )
    op.create_index(
        "gaps_once",
        "gaps",
        ["source", "channel", "market_tickers", "from_at"],
        unique=True,
        schema="kalshi",
    )
    op.create_index("gaps_by_start", "gaps", ["from_at"], schema="kalshi")


BACK = """
DO $$
DECLARE part record;
BEGIN
    FOR part IN
        SELECT right(c.relname, 8) AS day, pg_get_expr(c.relpartbound, c.oid) AS bounds
        FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
        WHERE inhparent IN ('kalshi.live_ticks'::regclass, 'kalshi.candle_ticks'::regclass)
        GROUP BY 1, 2
    LOOP
        EXECUTE format('CREATE TABLE kalshi.raw_ticks_%s PARTITION OF kalshi.raw_ticks %s',
                       part.day, part.bounds);
    END LOOP;
END $$
"""


def downgrade() -> None:
    op.drop_table("gaps", schema="kalshi")
    op.drop_table("trades", schema="kalshi")
    op.execute("ALTER VIEW kalshi.raw_ticks RENAME TO raw_ticks_told")
    op.execute(
        "CREATE TABLE kalshi.raw_ticks (LIKE kalshi.raw_ticks_told) "
        "PARTITION BY RANGE (observed_at)"
    )
    key = ("observed_at", "market_ticker", "source", "source_key")
    for name in (*key, "quoted_at", "received_at", "status", "yes_bid", "yes_ask", "open_interest"):
        op.alter_column("raw_ticks", name, nullable=False, schema="kalshi")
    op.create_primary_key("raw_ticks_pkey", "raw_ticks", list(key), schema="kalshi")
    op.create_index(
        "raw_ticks_by_market",
        "raw_ticks",
        ["market_ticker", sa.literal_column("observed_at DESC")],
        schema="kalshi",
    )
    op.execute(BACK)
    op.execute("INSERT INTO kalshi.raw_ticks SELECT * FROM kalshi.raw_ticks_told")
    op.execute("DROP VIEW kalshi.raw_ticks_told")
    for name in ("live_ticks", "candle_ticks", "tick_sources", "tick_statuses"):
        op.drop_table(name, schema="kalshi")
