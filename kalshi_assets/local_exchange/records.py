"""Pages of an account's records, newest first, by the filters the list operations share."""

from collections.abc import Mapping, Sequence
from typing import Literal

from kalshi_assets.local_exchange.query import Query, cursor_of
from kalshi_assets.local_exchange.store import Row, Store
from kalshi_assets.local_exchange.tiers import Bound

_TIME_COLUMN = {"orders": "created_ms", "fills": "created_ms", "settlements": "settled_ms"}
Table = Literal["orders", "fills", "settlements"]


def page_of_records(
    store: Store,
    table: Table,
    account: str,
    *,
    ms: int,
    query: Query,
    tickers: Sequence[str] | None,
    equals: Mapping[Literal["status", "order_id"], str],
    tier: Bound | None = None,
) -> tuple[list[Row], str]:
    """Return a page and the cursor of the next one, empty on the last.

    Args:
        store: where the records are.
        table: which records.
        account: whose.
        ms: as they stood at this moment.
        query: gives limit, cursor, min_ts and max_ts.
        tickers: only these markets; None for all.
        equals: further columns to match; empty values match all.
        tier: which age of records; None for all.
    """
    conditions, values = ["account = ?"], [account]
    source = store.as_of(table)
    for column, value in equals.items():
        if value:
            conditions.append(f"{column} = ?")
            values.append(value)
    if tickers is not None:
        conditions.append(f"ticker in ({', '.join('?' for _ in tickers)})")
        values.extend(tickers)
    bounds = [*_bounds(table, query), *([] if tier is None else [tier])]
    conditions.extend(condition for condition, _ in bounds)
    limit = query.limit()
    rows = store.rows(
        f"select * from {source} where {' and '.join(conditions)} "  # noqa: S608 - literals only
        "order by seq desc limit ?",
        *(ms, *values, *(bound for _, bound in bounds), limit + 1),
    )
    cursor = cursor_of(rows[limit - 1]["seq"]) if len(rows) > limit else ""
    return rows[:limit], cursor


def _bounds(table: Table, query: Query) -> list[tuple[str, int]]:
    column, before = _TIME_COLUMN[table], query.cursor_number()
    least, most = query.number("min_ts"), query.number("max_ts")
    bounds = [("seq < ?", before)] if before else []
    if least is not None:
        bounds.append((f"{column} > ?", least * 1000))
    if most is not None:
        bounds.append((f"{column} < ?", most * 1000))
    return bounds
