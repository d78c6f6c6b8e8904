"""Keep events, for whether their markets exclude each other.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("is_mutually_exclusive", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticker"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("events", schema="kalshi")
