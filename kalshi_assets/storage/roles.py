"""The role that orders are traded with: it adds to the ledger, and can neither change nor erase it.

The owner of the database migrates it and writes market data. Whoever judges, sends and reconciles
connects as `kalshi_trading` (see `engine.Database`): SELECT everywhere, INSERT on the ledger, and
UPDATE of the few columns of an order that move, which triggers guard as well. It cannot arm.
"""

from psycopg import errors, sql
from sqlalchemy import Connection, exc, text

from kalshi_assets.errors import DatabaseMismatch
from kalshi_assets.storage.rows import cursor_of
from kalshi_assets.storage.schema import SCHEMA

TRADING_ROLE = "kalshi_trading"
ATTEMPTS = 5
ADDS_TO = (
    "decisions",
    "orders",
    "order_events",
    "fills",
    "positions",
    "settlements",
    "portfolio",
    "trading_state",
    "cash_movements",
    "foreign_orders",
    "settings_history",
    "alerts",
    "verdicts",
)
MOVES = {
    "orders": ("status", "reason", "venue_order_id", "fill_count", "expires_at", "updated_at"),
    "alerts": ("settled_at",),
}


def grant_trading(connection: Connection, database_name: str) -> None:
    """Make the trading role where it is missing, and give it exactly what it may.

    Raises:
        DatabaseMismatch: the role is missing and this user may not make it; the message has the
            statement for whoever may.
    """
    _ensure_role(connection, database_name)
    cursor, role, schema = (
        cursor_of(connection),
        sql.Identifier(TRADING_ROLE),
        sql.Identifier(SCHEMA),
    )
    for statement in (
        "REVOKE ALL ON ALL TABLES IN SCHEMA {s} FROM {r}",
        "GRANT USAGE ON SCHEMA {s} TO {r}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA {s} TO {r}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {s} GRANT SELECT ON TABLES TO {r}",
    ):
        cursor.execute(sql.SQL(statement).format(s=schema, r=role))
    for table in ADDS_TO:
        cursor.execute(
            sql.SQL("GRANT INSERT ON {}.{} TO {}").format(schema, sql.Identifier(table), role)
        )
    for table, columns in MOVES.items():
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        cursor.execute(
            sql.SQL("GRANT UPDATE ({}) ON {}.{} TO {}").format(
                names, schema, sql.Identifier(table), role
            )
        )


def _ensure_role(connection: Connection, database_name: str) -> None:
    for _ in range(ATTEMPTS):
        found = text("SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = :name")
        if connection.scalar(found, {"name": TRADING_ROLE}):
            return
        try:
            with connection.begin_nested():
                connection.execute(text(f"CREATE ROLE {TRADING_ROLE} NOLOGIN"))
                connection.execute(text(f"GRANT {TRADING_ROLE} TO CURRENT_USER"))
        except exc.DBAPIError as error:
            if isinstance(error.orig, errors.InsufficientPrivilege):
                raise _not_allowed(database_name) from error
            # A process that prepares another database of this server was quicker: look again.
    raise _not_allowed(database_name)


def _not_allowed(database_name: str) -> DatabaseMismatch:
    return DatabaseMismatch(
        f"{database_name} has no role {TRADING_ROLE} for its user, who may not make it: let an "
        f"administrator run CREATE ROLE {TRADING_ROLE} NOLOGIN; GRANT {TRADING_ROLE} TO <the user>"
    )
