"""Know whether a live feed writes, and the books it keeps.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("beat_wall_at", INSTANT, nullable=False),
        sa.Column("is_streaming", sa.Boolean(), nullable=False),
        sa.Column("trades_sure_until", INSTANT, nullable=False),
        sa.Column("newest_at", INSTANT),
        sa.PrimaryKeyConstraint("name"),
        schema="kalshi",
    )
    op.create_table(
        "live_books",
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("yes_bids", JSONB(), nullable=False),
        sa.Column("no_bids", JSONB(), nullable=False),
        sa.Column("is_sure", sa.Boolean(), nullable=False),
        sa.Column("changed_at", INSTANT),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("market_ticker"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("live_books", schema="kalshi")
    op.drop_table("feeds", schema="kalshi")
