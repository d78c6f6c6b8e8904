"""Keep round trips and overrides, week by week.

Revision: 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

INSTANT = sa.DateTime(timezone=True)
NAMES = sa.ARRAY(sa.Text())


def upgrade() -> None:
    op.create_table(
        "trade_journal",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text()),
        sa.Column("signal_id", sa.Text()),
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("closed_count", sa.BigInteger(), nullable=False),
        sa.Column("entry_price_micros", sa.Integer(), nullable=False),
        sa.Column("exit_price_micros", sa.Integer()),
        sa.Column("entry_cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("proceeds_micros", sa.BigInteger(), nullable=False),
        sa.Column("entry_fees_micros", sa.BigInteger(), nullable=False),
        sa.Column("exit_fees_micros", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("holding_seconds", sa.BigInteger()),
        sa.Column("closings", NAMES, nullable=False),
        sa.Column("realized_micros", sa.BigInteger(), nullable=False),
        sa.Column("open_value_micros", sa.BigInteger()),
        sa.Column("result_micros", sa.BigInteger()),
        sa.Column("mean_micros", sa.Integer()),
        sa.Column("mid_micros", sa.Integer()),
        sa.Column("limit_micros", sa.Integer()),
        sa.Column("edge_micros", sa.Integer()),
        sa.Column("slippage_mid_micros", sa.Integer()),
        sa.Column("slippage_limit_micros", sa.Integer()),
        sa.Column("entry_order_ids", NAMES, nullable=False),
        sa.Column("exit_order_ids", NAMES, nullable=False),
        sa.PrimaryKeyConstraint("week", "trip_id"),
        schema="kalshi",
    )
    op.create_index("trade_journal_by_signal", "trade_journal", ["signal_id"], schema="kalshi")
    op.create_table(
        "overrides",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("trip_id", sa.Text()),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("came_micros", sa.BigInteger()),
        sa.Column("rule_micros", sa.BigInteger()),
        sa.Column("gain_micros", sa.BigInteger()),
        sa.PrimaryKeyConstraint("week", "kind", "order_id", "signal_id"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("overrides", schema="kalshi")
    op.drop_table("trade_journal", schema="kalshi")
