"""From an order back to what it rests on, by the view `order_lineage`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text

from kalshi_assets.storage.ledger import Decision
from kalshi_assets.storage.schema import clean_ticks, decisions, fills, order_events, raw_ticks


@dataclass(frozen=True)
class Lineage:
    """Everything behind an order. Prices in micros, counts in centicontracts.

    Attributes:
        order: its row of `order_lineage`.
        events: what happened to it, oldest first.
        fills: of it.
        last_ticks: the newest usable ticks of the average's window, newest first, each with the
            source and key of the raw tick it was made of; empty where they are past retention.
        tick_count: how many usable ticks of the window are still there.
        settings: that were in force.
    """

    order: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    fills: Sequence[Mapping[str, Any]]
    last_ticks: Sequence[Mapping[str, Any]]
    tick_count: int
    settings: Mapping[str, str]


def lineage_of(connection: Connection, order_id: str, *, ticks: int) -> Lineage | None:
    """Return what is behind an order, by our id of it or the venue's; None where there is none."""
    query = text(
        "SELECT * FROM kalshi.order_lineage WHERE client_order_id = :id OR venue_order_id = :id"
    )
    found = connection.execute(query, {"id": order_id}).mappings().first()
    if found is None:
        return None
    client_id, window = found["client_order_id"], (found["window_start"], found["average_as_of"])
    last, count = _ticks(connection, found["market_ticker"], window, limit=ticks)
    return Lineage(
        order=dict(found),
        events=_rows(connection, order_events, client_id, order_events.c.event_id),
        fills=_rows(connection, fills, client_id, fills.c.filled_at),
        last_ticks=last,
        tick_count=count,
        settings=_settings(connection, found["settings_id"]),
    )


def decision_of(connection: Connection, decision_id: str) -> Decision | None:
    """Return a decision by its id, or by the order made of it; None where there is none."""
    of_order = text(
        "SELECT decision_id FROM kalshi.orders WHERE client_order_id = :id OR venue_order_id = :id"
    )
    wanted = connection.scalar(of_order, {"id": decision_id}) or decision_id
    row = connection.execute(select(decisions).where(decisions.c.decision_id == wanted)).first()
    return None if row is None else Decision(**row._mapping)


def _ticks(
    connection: Connection,
    ticker: str,
    window: tuple[datetime | None, datetime | None],
    *,
    limit: int,
) -> tuple[list[dict[str, Any]], int]:
    start, end = window
    if start is None or end is None:
        return [], 0
    inside = (
        clean_ticks.c.market_ticker == ticker,
        clean_ticks.c.observed_at > start,
        clean_ticks.c.observed_at <= end,
        clean_ticks.c.is_usable,
    )
    key = ("observed_at", "market_ticker", "source", "source_key")
    joined = clean_ticks.join(raw_ticks, onclause=_all_equal(key))
    shown = (
        *(clean_ticks.c[name] for name in ("observed_at", "source", "source_key", "mid")),
        raw_ticks.c.quoted_at,
        raw_ticks.c.received_at,
        raw_ticks.c.yes_bid,
        raw_ticks.c.yes_ask,
    )
    query = select(*shown).select_from(joined).where(*inside)
    newest = query.order_by(clean_ticks.c.observed_at.desc()).limit(limit)
    rows = [dict(row) for row in connection.execute(newest).mappings()]
    counted = select(clean_ticks.c.observed_at).where(*inside)
    return rows, len(connection.execute(counted).all())


def _all_equal(names: Sequence[str]) -> Any:
    first, *rest = (clean_ticks.c[name] == raw_ticks.c[name] for name in names)
    for one in rest:
        first = first & one
    return first


def _rows(connection: Connection, table: Any, client_id: str, order: Any) -> list[dict[str, Any]]:
    query = select(table).where(table.c.client_order_id == client_id).order_by(order)
    return [dict(row) for row in connection.execute(query).mappings()]


def _settings(connection: Connection, settings_id: str) -> dict[str, str]:
    query = text(
        "SELECT settings FROM kalshi.settings_history WHERE settings_id = :id"
        " ORDER BY row_id LIMIT 1"
    )
    return dict(connection.scalar(query, {"id": settings_id}) or {})
