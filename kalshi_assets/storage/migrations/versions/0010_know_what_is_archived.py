"""Know what is archived, and what was dropped.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "archives",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("is_whole_day", sa.Boolean(), nullable=False),
        sa.Column("market_tickers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("archived_at", INSTANT, nullable=False),
        sa.Column("dropped_at", INSTANT, nullable=True),
        sa.Column("keep_until", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("day", "dataset"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("archives", schema="kalshi")
