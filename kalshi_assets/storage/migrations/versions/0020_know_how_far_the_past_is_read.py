"""Know how far the account's past is read.

Revision: 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

INSTANT = sa.DateTime(timezone=True)
COUNTS = ("pages", "added", "known", "left_out", "malformed")


def upgrade() -> None:
    op.create_table(
        "history_imports",
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("since", INSTANT),
        sa.Column("newest_at", INSTANT),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("venue", "kind", "tier"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("history_imports", schema="kalshi")
