"""Keep alerts and their deliveries.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("todo", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("alert_id"),
        schema="kalshi",
    )
    op.create_index(
        "alerts_one_open_a_cause",
        "alerts",
        ["cause"],
        unique=True,
        schema="kalshi",
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("alerts_by_time", "alerts", ["recorded_at"], schema="kalshi")
    op.create_table(
        "alert_deliveries",
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_ok", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["kalshi.alerts.alert_id"]),
        sa.PrimaryKeyConstraint("alert_id", "channel", "attempt"),
        schema="kalshi",
    )
    op.create_index("alert_deliveries_by_time", "alert_deliveries", ["at"], schema="kalshi")


def downgrade() -> None:
    op.drop_table("alert_deliveries", schema="kalshi")
    op.drop_table("alerts", schema="kalshi")
