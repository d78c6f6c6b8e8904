"""Keep all that a decision saw, the shard of a market, and who armed what.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "markets", sa.Column("exchange_index", sa.Integer(), nullable=True), schema="kalshi"
    )
    for name, default in (("kind", "entry"), ("reason", "")):
        op.add_column(
            "decisions",
            sa.Column(name, sa.Text(), nullable=False, server_default=default),
            schema="kalshi",
        )
        op.alter_column("decisions", name, server_default=None, schema="kalshi")
    op.add_column("decisions", sa.Column("result", sa.Text(), nullable=True), schema="kalshi")
    # What was flat stands under `seen` from now on.
    op.execute("UPDATE kalshi.decisions SET inputs = jsonb_build_object('seen', inputs)")
    op.create_table(
        "armings",
        sa.Column("arming_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("override", sa.Text(), nullable=False),
        sa.Column("is_disarm", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("arming_id"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("armings", schema="kalshi")
    op.execute("UPDATE kalshi.decisions SET inputs = inputs -> 'seen'")
    for name in ("result", "reason", "kind"):
        op.drop_column("decisions", name, schema="kalshi")
    op.drop_column("markets", "exchange_index", schema="kalshi")
