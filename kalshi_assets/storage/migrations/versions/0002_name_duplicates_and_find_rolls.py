"""Name the markets a poll gave twice; find contract rolls without a scan.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Polls of before counted duplicates and did not name them.
    op.drop_column("polls", "duplicates", schema="kalshi")
    op.add_column(
        "polls",
        sa.Column("duplicates", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        schema="kalshi",
    )
    op.alter_column("polls", "duplicates", server_default=None, schema="kalshi")
    op.create_index(
        "clean_ticks_contract_rolls",
        "clean_ticks",
        ["market_ticker", "observed_at"],
        schema="kalshi",
        postgresql_where=sa.text("'contract_roll' = ANY (faults)"),
    )


def downgrade() -> None:
    op.drop_index("clean_ticks_contract_rolls", table_name="clean_ticks", schema="kalshi")
    op.drop_column("polls", "duplicates", schema="kalshi")
    op.add_column(
        "polls",
        sa.Column("duplicates", sa.Integer(), nullable=False, server_default="0"),
        schema="kalshi",
    )
    op.alter_column("polls", "duplicates", server_default=None, schema="kalshi")
