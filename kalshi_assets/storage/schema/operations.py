"""The installation itself: whose data this is, whether it may trade, how the exchange answers.

And what people are told of it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kalshi_assets.storage.schema.columns import INSTANT, metadata, optional, required

installation = Table(
    "installation",
    metadata,
    required("identity", Text(), primary_key=True),
    required("created_at", INSTANT),
)

# The newest row is the state: active, reducing or halted. `changed_at` is the venue's time.
trading_state = Table(
    "trading_state",
    metadata,
    Column("state_id", BigInteger(), Identity(), primary_key=True),
    required("changed_at", INSTANT),
    required("changed_wall_at", INSTANT),
    required("state", Text()),
    required("cause", Text()),
    required("reason", Text()),
    required("changed_by", Text()),
)

# Settings and code that were in force, from `recorded_at` (wall) on, which was `venue_at` there;
# without secrets.
settings_history = Table(
    "settings_history",
    metadata,
    Column("row_id", BigInteger(), Identity(), primary_key=True),
    required("settings_id", Text()),
    required("recorded_at", INSTANT),
    required("settings", JSONB()),
    required("code_version", Text()),
    required("venue_at", INSTANT),
    Index("settings_history_by_id", "settings_id"),
)

# Who let orders of real money pass, and until when, wall time; the newest row counts. A disarm ends
# what was armed before it. `override`: why it was armed against advice, or "".
armings = Table(
    "armings",
    metadata,
    Column("arming_id", BigInteger(), Identity(), primary_key=True),
    required("armed_at", INSTANT),
    required("expires_at", INSTANT),
    required("override", Text()),
    required("is_disarm", Boolean()),
    required("by", Text()),
)

# Every call that went to the exchange, wall time, which was `venue_at` there; `dropped_before`:
# calls the log lost before it.
api_calls = Table(
    "api_calls",
    metadata,
    Column("call_id", BigInteger(), Identity(), primary_key=True),
    required("at", INSTANT),
    required("host", Text()),
    required("method", Text()),
    required("path", Text()),
    optional("status", Integer()),
    required("error", Text()),
    required("cost", Integer()),
    required("latency_ms", Integer()),
    required("attempt", Integer()),
    required("dropped_before", Integer()),
    required("venue_at", INSTANT),
    Index("api_calls_by_time", "at"),
)

# How many calls in a row failed, over all processes; no row after one that got through.
breaker_failures = Table(
    "breaker_failures",
    metadata,
    required("host", Text(), primary_key=True),
    required("failures", Integer()),
    required("at", INSTANT),
)

# The newest row of a host is the state of its breaker.
breaker_transitions = Table(
    "breaker_transitions",
    metadata,
    Column("transition_id", BigInteger(), Identity(), primary_key=True),
    required("at", INSTANT),
    required("host", Text()),
    required("from_state", Text()),
    required("to_state", Text()),
    required("reason", Text()),
    required("openings", Integer()),
    optional("until", INSTANT),
    Index("breaker_transitions_by_host", "host", text("transition_id DESC")),
)

# What happened that a person should know. Venue time, but `recorded_at`: wall time, by which a
# message grows too old to be sent. While `settled_at` is NULL the cause goes on and alerts no more.
alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", BigInteger(), Identity(), primary_key=True),
    Column("recorded_at", INSTANT, nullable=False, server_default=func.now()),
    required("raised_at", INSTANT),
    required("kind", Text()),
    required("cause", Text()),
    required("what", Text()),
    required("why", Text()),
    required("done", Text()),
    required("todo", Text()),
    optional("settled_at", INSTANT),
    Index(
        "alerts_one_open_a_cause",
        "cause",
        unique=True,
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index("alerts_by_time", "recorded_at"),
)

# Every try to send one through a channel, wall time. A channel's name holds no part of its address.
alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("alert_id", BigInteger(), ForeignKey(alerts.c.alert_id), primary_key=True),
    required("channel", Text(), primary_key=True),
    required("attempt", Integer(), primary_key=True),
    required("at", INSTANT),
    required("is_ok", Boolean()),
    required("detail", Text()),
    Index("alert_deliveries_by_time", "at"),
)
