from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.storage import schema
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.frames import records
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.rows import (
    copy_missing,
    insert_missing,
    replace_span,
    upsert,
)
from kalshi_assets_tests.analytics.observations import Observation

DAY = date(2026, 6, 10)
START = day_bounds(DAY)[0]


def ticks(count: int, **values: Any) -> list[dict[str, Any]]:
    return [candle(START + timedelta(seconds=n)) | values for n in range(count)]


def candle(at: datetime) -> dict[str, Any]:
    raw = Observation(at, source="candle").raw() | {"source_id": 1, "status_id": 1}
    return {name: raw[name] for name in schema.candle_ticks.columns.keys()}  # noqa: SIM118  names


def portfolio(count: int, cash: int = 5) -> list[dict[str, Any]]:
    return [
        {"as_of": START + timedelta(seconds=n), "cash_micros": cash, "open_positions": 0}
        for n in range(count)
    ]


def test_copy_adds_only_rows_whose_key_is_new(connection: Connection) -> None:
    ensure_day_partitions(connection, schema.candle_ticks, [DAY])
    assert copy_missing(connection, schema.candle_ticks, ticks(3)) == 3
    assert copy_missing(connection, schema.candle_ticks, ticks(5, status_id=2)) == 2
    assert copy_missing(connection, schema.candle_ticks, []) == 0
    found = connection.execute(select(schema.candle_ticks).order_by("observed_at")).all()
    assert [row.status_id for row in found] == [1] * 3 + [2] * 2


def test_copy_keeps_values_exactly(connection: Connection) -> None:
    [row] = ticks(
        1, yes_bid=2**31 - 1, bar_volume=2**62, quoted_at=START + timedelta(microseconds=1)
    )
    ensure_day_partitions(connection, schema.candle_ticks, [DAY])
    copy_missing(connection, schema.candle_ticks, [row])
    assert dict(connection.execute(select(schema.candle_ticks)).one()._mapping) == row


def polls(count: int, *, received: int = 5) -> list[dict[str, Any]]:
    row = {"received_at": START, "expected": [], "received": received, "duplicates": []}
    return [{**row, "slot": START + timedelta(seconds=n), "rejected": 0} for n in range(count)]


def test_insert_keeps_the_first_and_upsert_the_last(connection: Connection) -> None:
    table = schema.polls
    assert insert_missing(connection, table, polls(2)) == 2
    assert insert_missing(connection, table, polls(3, received=6)) == 1
    assert connection.scalars(select(table.c.received).order_by("slot")).all() == [5, 5, 6]
    upsert(connection, table, polls(3, received=7))
    assert connection.scalars(select(table.c.received)).all() == [7, 7, 7]
    upsert(connection, table, polls(4, received=8), keep=["received"])
    assert connection.scalars(select(table.c.received).order_by("slot")).all() == [7, 7, 7, 8]
    assert insert_missing(connection, table, []) == upsert(connection, table, []) == 0


@pytest.mark.parametrize("write", [insert_missing, upsert])
def test_more_rows_than_a_statement_has_parameters_are_written(
    connection: Connection, write: Any
) -> None:
    rows = portfolio(22_000)
    assert write(connection, schema.portfolio, rows) == 22_000
    assert connection.scalar(text("SELECT count(*) FROM kalshi.portfolio")) == 22_000


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (DAY, 24)]
)
def test_a_partition_holds_exactly_its_new_york_day(
    connection: Connection, day: date, hours: int
) -> None:
    start, end = day_bounds(day)
    assert end - start == timedelta(hours=hours)
    days = [day - timedelta(days=1), day, day + timedelta(days=1)]
    for _ in range(2):
        ensure_day_partitions(connection, schema.candle_ticks, days)
    moments = [start - timedelta(microseconds=1), start, end - timedelta(microseconds=1), end]
    copy_missing(connection, schema.candle_ticks, [candle(m) for m in moments])
    query = f"SELECT observed_at FROM kalshi.candle_ticks_{day:%Y%m%d} ORDER BY 1"  # noqa: S608  a date
    assert connection.scalars(text(query)).all() == moments[1:3]


def test_a_frames_missing_values_become_none() -> None:
    frame = pd.DataFrame(
        {
            "count": pd.array([1, None], dtype="Int64"),
            "at": pd.Series([datetime(2026, 1, 1, tzinfo=UTC), None]),
            "mean": [Decimal(1), None],
        }
    )
    assert records(frame)[1] == {"count": None, "at": None, "mean": None}
    assert isinstance(records(frame)[0]["count"], int)
    assert records(frame.iloc[:0]) == []


SUMMARIES = schema.daily_summaries
Key = tuple[date, str]
KEYS = st.tuples(
    st.sampled_from([DAY + timedelta(days=n) for n in range(5)]),
    st.sampled_from(["KXA-1", "KXB-1"]),
)
# Few values, so that many rows are equal before and after; None is one of them.
VALUES = st.fixed_dictionaries(
    {
        "mid_open": st.sampled_from([None, 1, 2]),
        "mean": st.sampled_from([None, Decimal("0.5"), Decimal("0.25")]),
        "is_provisional": st.booleans(),
    }
)
SUMMARIES_BY_KEY = st.dictionaries(KEYS, VALUES)


def summary(key: Key, values: dict[str, Any]) -> dict[str, Any]:
    counted = dict.fromkeys(("price_ms", "covered_ms", "coverage", "tick_count"), 0)
    same = dict.fromkeys(SUMMARIES.columns.keys()) | counted
    return same | {"day": key[0], "market_ticker": key[1]} | values


def places(connection: Connection) -> dict[tuple[Any, ...], str]:
    """Return each row with where it lies: one that is written again lies elsewhere."""
    place = text("daily_summaries.ctid::text")
    found = connection.execute(select(*SUMMARIES.columns, place).select_from(SUMMARIES))
    return {tuple(row[:-1]): row[-1] for row in found}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=SUMMARIES_BY_KEY,
    after=SUMMARIES_BY_KEY,
    bounds=st.tuples(st.integers(0, 5), st.integers(0, 5)).map(sorted),
    order=st.randoms(use_true_random=False),
)
def test_a_span_is_replaced_as_by_deleting_and_inserting_but_equal_rows_stay_where_they_are(
    prepared: Database,
    before: dict[Key, dict[str, Any]],
    after: dict[Key, dict[str, Any]],
    bounds: list[int],
    order: Any,
) -> None:
    first, end = (DAY + timedelta(days=n) for n in bounds)
    there = {tuple(summary(k, v).values()): k for k, v in before.items()}
    given_rows = [summary(k, v) for k, v in after.items() if first <= k[0] < end]
    order.shuffle(given_rows)
    incoming = {tuple(row.values()) for row in given_rows}
    outside = {row for row, key in there.items() if not first <= key[0] < end}
    with prepared.engine.connect() as connection:
        for key, values in before.items():
            connection.execute(insert(SUMMARIES).values(summary(key, values)))
        was = places(connection)
        assert set(was) == set(there)

        changed = replace_span(
            connection, SUMMARIES, SUMMARIES.c.day, span=(first, end), rows=given_rows
        )

        now = places(connection)
        connection.rollback()
    assert set(now) == outside | incoming
    stayed = outside | (incoming & set(was))
    assert {row: now[row] for row in stayed} == {row: was[row] for row in stayed}
    assert changed == max(len(set(was) - set(now)), len(set(now) - set(was)))
