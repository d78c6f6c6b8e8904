"""Remember what cleaning knows of a market, so that a poll need not read the hours before.

Revision: 0013, after 0012. Where nothing is remembered yet, the ticks before are read once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "cleaning_memories",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("memory", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("day", "market_ticker"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("cleaning_memories", schema="kalshi")
