"""Record what changes in the universe, and which days' trades are loaded.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

TRACKED_BEFORE = """
    INSERT INTO kalshi.universe_changes (market_ticker, at, change, why)
    SELECT ticker, seen_at, 'tracked', 'was tracked before changes were recorded'
    FROM kalshi.markets WHERE is_tracked
"""


def upgrade() -> None:
    op.create_table(
        "universe_changes",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("change_id"),
        schema="kalshi",
    )
    op.create_index(
        "universe_changes_by_market", "universe_changes", ["market_ticker", "at"], schema="kalshi"
    )
    op.execute(TRACKED_BEFORE)
    op.add_column("history_loads", sa.Column("trades", sa.Integer()), schema="kalshi")
    op.create_table(
        "averages_due",
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("averages_due", schema="kalshi")
    op.drop_column("history_loads", "trades", schema="kalshi")
    op.drop_table("universe_changes", schema="kalshi")
