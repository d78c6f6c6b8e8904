"""Make wrong states of the ledger impossible; keep states, settings and cash as history.

Revision: 0007, after 0006.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

INSTANT = sa.DateTime(timezone=True)
APPEND_ONLY = (
    "decisions",
    "order_events",
    "fills",
    "positions",
    "settlements",
    "portfolio",
    "trading_state",
    "settings_history",
    "cash_movements",
    "foreign_orders",
    "armings",
)
# An order goes only where the state machine of `domain.order` leads; a test compares the two.
LEGAL = (
    "intent>unknown intent>resting intent>filled intent>canceled intent>rejected intent>lapsed "
    "unknown>resting unknown>filled unknown>canceled unknown>lapsed "
    "resting>resting resting>filled resting>canceled"
)
ORDER_RULES = {
    "status_is_known": "status IN ('intent', 'unknown', 'resting', 'filled', 'canceled',"
    " 'rejected', 'lapsed')",
    "leg_is_known": "leg IN ('entry', 'exit')",
    "side_is_known": "side IN ('yes', 'no')",
    "price_is_a_price": "limit_price BETWEEN 1 AND 999999",
    "fills_fit": "count > 0 AND fill_count BETWEEN 0 AND count",
    "filled_is_whole": "status <> 'filled' OR fill_count = count",
    "entry_expires": "expires_at > created_at",
}
REFUSE_CHANGE = """
CREATE FUNCTION kalshi.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'kalshi.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$
"""
GUARD_ORDER = f"""
CREATE FUNCTION kalshi.guard_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step text := OLD.status || '>' || NEW.status;
BEGIN
    IF (NEW.client_order_id, NEW.decision_id, NEW.signal_id, NEW.market_ticker, NEW.leg,
        NEW.attempt, NEW.side, NEW.limit_price, NEW.count, NEW.verdict_ids, NEW.created_at,
        NEW.intent_wall_at, NEW.run_id)
       IS DISTINCT FROM
       (OLD.client_order_id, OLD.decision_id, OLD.signal_id, OLD.market_ticker, OLD.leg,
        OLD.attempt, OLD.side, OLD.limit_price, OLD.count, OLD.verdict_ids, OLD.created_at,
        OLD.intent_wall_at, OLD.run_id) THEN
        RAISE EXCEPTION 'order % cannot become another order', OLD.client_order_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND NOT step = ANY (string_to_array('{LEGAL}', ' ')) THEN
        RAISE EXCEPTION 'order % cannot go from % to %', OLD.client_order_id, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.fill_count < OLD.fill_count THEN
        RAISE EXCEPTION 'order %: what was filled stays filled', OLD.client_order_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.venue_order_id IS NOT NULL
       AND NEW.venue_order_id IS DISTINCT FROM OLD.venue_order_id THEN
        RAISE EXCEPTION 'order % is % at the venue, not %', OLD.client_order_id, OLD.venue_order_id,
            NEW.venue_order_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
NOTE_ORDER = """
CREATE FUNCTION kalshi.note_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE what text;
BEGIN
    IF TG_OP = 'INSERT' THEN what := 'status';
    ELSIF NEW.status <> OLD.status THEN what := 'status';
    ELSIF NEW.fill_count <> OLD.fill_count THEN what := 'fill';
    ELSIF NEW.expires_at <> OLD.expires_at THEN what := 'renewal';
    ELSE RETURN NULL;
    END IF;
    INSERT INTO kalshi.order_events
        (client_order_id, at, kind, status, fill_count, expires_at, detail)
    VALUES (NEW.client_order_id, NEW.updated_at, what, NEW.status, NEW.fill_count, NEW.expires_at,
            NEW.reason);
    RETURN NULL;
END $$
"""
GUARD_FILL = """
CREATE FUNCTION kalshi.guard_fill() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE ordered bigint; filled bigint;
BEGIN
    SELECT count INTO ordered FROM kalshi.orders
        WHERE client_order_id = NEW.client_order_id FOR UPDATE;
    SELECT coalesce(sum(count), 0) INTO filled FROM kalshi.fills
        WHERE client_order_id = NEW.client_order_id AND fill_id <> NEW.fill_id;
    IF filled + NEW.count > ordered THEN
        RAISE EXCEPTION 'fill % takes order % to % of % centicontracts', NEW.fill_id,
            NEW.client_order_id, filled + NEW.count, ordered USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
# One row an order that sells what ours bought.
EXITS = """
CREATE VIEW kalshi.exits AS
SELECT o.*, d.reason AS exit_reason
FROM kalshi.orders o JOIN kalshi.decisions d USING (decision_id)
WHERE o.leg = 'exit'
"""
# From each order back to what it rests on; ticks are those of the average's window.
LINEAGE = """
CREATE VIEW kalshi.order_lineage AS
SELECT o.client_order_id, o.venue_order_id, o.market_ticker, o.leg, o.side, o.status,
       o.limit_price, o.count, o.fill_count, o.created_at,
       d.decision_id, d.outcome, d.reason AS decision_reason, d.judged_at, d.run_id,
       s.signal_id, s.strategy, s.started_at AS signal_started_at,
       d.inputs #>> '{seen,average_hash}' AS average_hash,
       a.as_of AS average_as_of, a.window_start, a.mean, a.coverage, a.tick_count,
       o.verdict_ids,
       ARRAY(SELECT v.check_name || ': ' || v.observed FROM kalshi.verdicts v
             WHERE v.verdict_id = ANY (o.verdict_ids) ORDER BY v.check_name) AS verdicts,
       d.settings_id,
       (SELECT h.code_version FROM kalshi.settings_history h
        WHERE h.settings_id = d.settings_id ORDER BY h.row_id LIMIT 1) AS code_version
FROM kalshi.orders o
JOIN kalshi.decisions d USING (decision_id)
LEFT JOIN kalshi.signals s ON s.signal_id = o.signal_id
LEFT JOIN LATERAL (
    SELECT r.* FROM kalshi.rolling_averages r
    WHERE r.market_ticker = o.market_ticker
      AND r.as_of = (d.inputs #>> '{seen,average_as_of}')::timestamptz
      AND r.content_hash = d.inputs #>> '{seen,average_hash}'
    LIMIT 1
) a ON true
"""


def upgrade() -> None:
    _new_columns()
    _new_tables()
    _constraints()
    _triggers()
    for view in (EXITS, LINEAGE):
        op.execute(view)


def downgrade() -> None:
    for view in ("order_lineage", "exits"):
        op.execute(f"DROP VIEW kalshi.{view}")
    for function in ("guard_fill", "note_order", "guard_order", "refuse_change"):
        op.execute(f"DROP FUNCTION kalshi.{function}() CASCADE")
    for name in (*ORDER_RULES, "orders_one_attempt"):
        op.drop_constraint(name, "orders", schema="kalshi")
    op.create_index("orders_by_signal", "orders", ["signal_id"], schema="kalshi")
    op.drop_index("orders_one_live_leg", "orders", schema="kalshi")
    op.create_index(
        "orders_one_live_entry",
        "orders",
        ["market_ticker"],
        unique=True,
        postgresql_where=sa.text("status IN ('intent', 'unknown', 'resting')"),
        schema="kalshi",
    )
    for table in ("foreign_orders", "cash_movements", "settings_history"):
        op.drop_table(table, schema="kalshi")
    for name in ("state_id", "changed_wall_at", "cause", "changed_by"):
        op.drop_column("trading_state", name, schema="kalshi")
    op.create_primary_key("trading_state_pkey", "trading_state", ["changed_at"], schema="kalshi")
    op.drop_index("fills_by_order", "fills", schema="kalshi")
    for table, column in (
        ("fills", "is_before_opening"),
        ("settlements", "is_before_opening"),
        ("order_events", "kind"),
        ("order_events", "fill_count"),
        ("order_events", "expires_at"),
        ("decisions", "settings_id"),
    ):
        op.drop_column(table, column, schema="kalshi")


def _new_columns() -> None:
    op.add_column("decisions", _text("settings_id", default="''"), schema="kalshi")
    events: list[sa.Column[Any]] = [
        _text("kind", default="'status'"),
        sa.Column("fill_count", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("expires_at", INSTANT, nullable=False, server_default=sa.text("'epoch'")),
    ]
    for column in events:
        op.add_column("order_events", column, schema="kalshi")
    for table in ("fills", "settlements"):
        known: sa.Column[Any] = sa.Column(
            "is_before_opening", sa.Boolean(), nullable=False, server_default=sa.text("true")
        )
        op.add_column(table, known, schema="kalshi")
        op.alter_column(table, "is_before_opening", server_default=None, schema="kalshi")
    for name in ("kind", "fill_count", "expires_at"):
        op.alter_column("order_events", name, server_default=None, schema="kalshi")
    op.alter_column("decisions", "settings_id", server_default=None, schema="kalshi")
    op.create_index("fills_by_order", "fills", ["client_order_id"], schema="kalshi")


def _new_tables() -> None:
    op.rename_table("trading_state", "trading_state_before", schema="kalshi")
    op.create_table(
        "trading_state",
        _identity("state_id"),
        _instant("changed_at"),
        _instant("changed_wall_at"),
        _text("state"),
        _text("cause"),
        _text("reason"),
        _text("changed_by"),
        sa.PrimaryKeyConstraint("state_id", name="trading_state_pk"),
        sa.CheckConstraint("state IN ('active', 'reducing', 'halted')", name="state_is_known"),
        schema="kalshi",
    )
    op.execute(
        "INSERT INTO kalshi.trading_state"
        " (changed_at, changed_wall_at, state, cause, reason, changed_by)"
        " SELECT changed_at, changed_at, state, 'command', reason, ''"
        " FROM kalshi.trading_state_before ORDER BY changed_at"
    )
    op.drop_table("trading_state_before", schema="kalshi")
    op.create_table(
        "settings_history",
        _identity("row_id"),
        _text("settings_id"),
        _instant("recorded_at"),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        _text("code_version"),
        sa.PrimaryKeyConstraint("row_id"),
        schema="kalshi",
    )
    op.create_index("settings_history_by_id", "settings_history", ["settings_id"], schema="kalshi")
    op.create_table(
        "cash_movements",
        _identity("movement_id"),
        _instant("at"),
        _text("kind"),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("positions", postgresql.JSONB(), nullable=False),
        _text("note"),
        sa.PrimaryKeyConstraint("movement_id"),
        sa.CheckConstraint("kind IN ('opening', 'deposit', 'withdrawal')", name="kind_is_known"),
        schema="kalshi",
    )
    op.create_index(
        "cash_movements_one_opening",
        "cash_movements",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind = 'opening'"),
        schema="kalshi",
    )
    op.create_table(
        "foreign_orders",
        _text("order_id"),
        _text("client_order_id"),
        _text("market_ticker"),
        _text("side"),
        _text("status"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("yes_price", sa.Integer(), nullable=False),
        _text("kind"),
        _instant("created_at"),
        _instant("seen_at"),
        sa.PrimaryKeyConstraint("order_id"),
        sa.CheckConstraint("kind IN ('manual', 'unknown', 'earlier')", name="kind_is_known"),
        schema="kalshi",
    )


def _constraints() -> None:
    op.drop_index("orders_one_live_entry", "orders", schema="kalshi")
    op.create_index(
        "orders_one_live_leg",
        "orders",
        ["market_ticker", "leg"],
        unique=True,
        postgresql_where=sa.text("status IN ('intent', 'unknown', 'resting')"),
        schema="kalshi",
    )
    for name, rule in ORDER_RULES.items():
        op.create_check_constraint(name, "orders", rule, schema="kalshi")
    op.drop_index("orders_by_signal", "orders", schema="kalshi")
    op.create_unique_constraint(
        "orders_one_attempt", "orders", ["signal_id", "leg", "attempt"], schema="kalshi"
    )


def _triggers() -> None:
    for function in (REFUSE_CHANGE, GUARD_ORDER, NOTE_ORDER, GUARD_FILL):
        op.execute(function)
    for table in APPEND_ONLY:
        _trigger("append_only", "BEFORE UPDATE OR DELETE", table, "refuse_change")
    for table in (*APPEND_ONLY, "orders"):
        _trigger("not_emptied", "BEFORE TRUNCATE", table, "refuse_change", each="STATEMENT")
    _trigger("kept", "BEFORE DELETE", "orders", "refuse_change")
    _trigger("guarded", "BEFORE UPDATE", "orders", "guard_order")
    _trigger("noted", "AFTER INSERT OR UPDATE", "orders", "note_order")
    op.execute(
        "CREATE TRIGGER guarded BEFORE INSERT ON kalshi.fills FOR EACH ROW"
        " WHEN (NEW.client_order_id IS NOT NULL) EXECUTE FUNCTION kalshi.guard_fill()"
    )


def _trigger(name: str, when: str, table: str, function: str, *, each: str = "ROW") -> None:
    op.execute(
        f"CREATE TRIGGER {name} {when} ON kalshi.{table} FOR EACH {each}"
        f" EXECUTE FUNCTION kalshi.{function}()"
    )


def _text(name: str, *, default: str | None = None) -> sa.Column[Any]:
    value = None if default is None else sa.text(default)
    return sa.Column(name, sa.Text(), nullable=False, server_default=value)


def _instant(name: str) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=False)


def _identity(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), sa.Identity(), nullable=False)
