"""Count what is told, keep which sensor asked for a run of it, know since when the feed is away.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("feeds", sa.Column("away_since", INSTANT), schema="kalshi")
    op.create_table(
        "tidings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        schema="kalshi",
    )
    op.create_table(
        "run_claims",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("claimed_wall_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("job"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("run_claims", schema="kalshi")
    op.drop_table("tidings", schema="kalshi")
    op.drop_column("feeds", "away_since", schema="kalshi")
