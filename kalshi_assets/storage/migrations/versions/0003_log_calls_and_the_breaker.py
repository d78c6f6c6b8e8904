"""Log the calls to the exchange and the breaker's transitions.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "api_calls",
        sa.Column("call_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("dropped_before", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("call_id"),
        schema="kalshi",
    )
    op.create_index("api_calls_by_time", "api_calls", ["at"], schema="kalshi")
    op.create_table(
        "breaker_transitions",
        sa.Column("transition_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("transition_id"),
        schema="kalshi",
    )
    op.create_index(
        "breaker_transitions_by_host",
        "breaker_transitions",
        ["host", sa.literal_column("transition_id DESC")],
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("breaker_transitions", schema="kalshi")
    op.drop_table("api_calls", schema="kalshi")
