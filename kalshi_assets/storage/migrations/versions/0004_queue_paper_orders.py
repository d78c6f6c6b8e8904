"""Let paper orders wait in a queue that public trades move.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANTS = ("queued_at", "queue_as_of", "looked_at")
COUNTS = ("rounding_micros", "queue_ahead")


def upgrade() -> None:
    for name in COUNTS:
        op.add_column("paper_orders", sa.Column(name, sa.BigInteger()), schema="kalshi")
    for name in INSTANTS:
        column = sa.Column(name, sa.DateTime(timezone=True))
        op.add_column("paper_orders", column, schema="kalshi")
    # How many wait ahead of an order of before is not known: endlessly many, until a look at the
    # book shows fewer. What it lost to rounding was not given back; that stays so.
    op.execute(
        "UPDATE kalshi.paper_orders SET rounding_micros = 0, queue_ahead = 9223372036854775807, "
        "queued_at = updated_at, queue_as_of = updated_at, looked_at = updated_at"
    )
    for name in (*COUNTS, *INSTANTS):
        op.alter_column("paper_orders", name, nullable=False, schema="kalshi")
    op.create_table(
        "paper_trades",
        sa.Column("market_ticker", sa.Text(), nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=False),
        sa.Column("traded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("market_ticker", "trade_id"),
        schema="kalshi",
    )


def downgrade() -> None:
    op.drop_table("paper_trades", schema="kalshi")
    for name in (*COUNTS, *INSTANTS):
        op.drop_column("paper_orders", name, schema="kalshi")
