"""Find what was approved and not sent without a walk through the whole ledger.

Revision: 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

APPROVED = "kind = 'entry' AND outcome = 'approved'"


def upgrade() -> None:
    op.create_index(
        "decisions_to_enter",
        "decisions",
        ["signal_id"],
        schema="kalshi",
        postgresql_where=sa.text(APPROVED),
    )
    op.create_index("orders_by_decision", "orders", ["decision_id"], schema="kalshi")


def downgrade() -> None:
    op.drop_index("orders_by_decision", table_name="orders", schema="kalshi")
    op.drop_index("decisions_to_enter", table_name="decisions", schema="kalshi")
