"""Keep weekly reviews, and know at which moment of the venue calls and settings were.

Revision: 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"

INSTANT = sa.DateTime(timezone=True)
# Where the venue's clock is the wall's, and nowhere else is old history of use, they are the same.
WALL_COLUMNS = {"api_calls": "at", "settings_history": "recorded_at"}


def upgrade() -> None:
    op.create_table(
        "weekly_reviews",
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("known_until", INSTANT, nullable=False),
        sa.Column("is_provisional", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("review", JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("first_day"),
        schema="kalshi",
    )
    for table, column in WALL_COLUMNS.items():
        op.add_column(table, sa.Column("venue_at", INSTANT), schema="kalshi")
        op.execute(f"ALTER TABLE kalshi.{table} DISABLE TRIGGER USER")
        op.execute(f"UPDATE kalshi.{table} SET venue_at = {column}")  # noqa: S608  ours
        op.execute(f"ALTER TABLE kalshi.{table} ENABLE TRIGGER USER")
        op.alter_column(table, "venue_at", nullable=False, schema="kalshi")


def downgrade() -> None:
    for table in WALL_COLUMNS:
        op.drop_column(table, "venue_at", schema="kalshi")
    op.drop_table("weekly_reviews", schema="kalshi")
