"""Count the feed's batches and news, so that sensors see what is new; know since when it is away.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for name in ("tick_batches", "market_news"):
        counter = sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        op.add_column("feeds", counter, schema="kalshi")
        op.alter_column("feeds", name, server_default=None, schema="kalshi")
    since = sa.Column("away_since", sa.DateTime(timezone=True))
    op.add_column("feeds", since, schema="kalshi")


def downgrade() -> None:
    for name in ("away_since", "market_news", "tick_batches"):
        op.drop_column("feeds", name, schema="kalshi")
