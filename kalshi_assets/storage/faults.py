"""What the fault report reads: clean ticks with their faults, and the markets known."""

from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, select

from kalshi_assets.analytics.fault_report import FaultReport, fault_report
from kalshi_assets.storage.markets import known_markets
from kalshi_assets.storage.schema import clean_ticks

_COLUMNS = (
    clean_ticks.c.market_ticker,
    clean_ticks.c.observed_at,
    clean_ticks.c.source,
    clean_ticks.c.source_key,
    clean_ticks.c.hold_ms,
    clean_ticks.c.is_usable,
    clean_ticks.c.faults,
)


def read_faults(connection: Connection, start: datetime, end: datetime) -> FaultReport:
    """Return what was wrong with the clean ticks observed in [start, end)."""
    moment = clean_ticks.c.observed_at
    rows = connection.execute(select(*_COLUMNS).where(moment >= start, moment < end))
    ticks = pd.DataFrame(rows.fetchall(), columns=list(rows.keys()))
    ticks["observed_at"] = pd.to_datetime(ticks["observed_at"], utc=True)
    known = [row.market for row in known_markets(connection).values()]
    return fault_report(ticks, known)
