"""Let the index of a market's days hold the totals that averages sum.

Revision: 0016, after 0015.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

NAME, TABLE = "daily_summaries_by_market", "daily_summaries"
SUMMED = ("price_ms", "covered_ms", "tick_count", "is_provisional")


def upgrade() -> None:
    _make_anew(include=SUMMED)
    # An index alone answers for rows that vacuum has seen. By default it looks at new ones once
    # they are a fifth of the table: after a year, every other month.
    op.execute("ALTER TABLE kalshi.daily_summaries SET (autovacuum_vacuum_insert_scale_factor = 0)")


def downgrade() -> None:
    op.execute("ALTER TABLE kalshi.daily_summaries RESET (autovacuum_vacuum_insert_scale_factor)")
    _make_anew(include=())


def _make_anew(include: Sequence[str]) -> None:
    op.drop_index(NAME, table_name=TABLE, schema="kalshi")
    columns: list[str | sa.TextClause] = ["market_ticker", sa.text("day DESC")]
    op.create_index(NAME, TABLE, columns, schema="kalshi", postgresql_include=list(include))
