"""The raw tables, as they stood at a week's end."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

NEW_YORK = ZoneInfo("America/New_York")
Row = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """A connection, the week, and up to when the review knows it."""

    connection: "psycopg.Connection[Row]"
    sunday: date
    until: datetime

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.sunday, time(0), NEW_YORK).astimezone(ZoneInfo("UTC"))

    @property
    def end(self) -> datetime:
        after = datetime.combine(self.sunday + timedelta(days=7), time(0), NEW_YORK)
        return after.astimezone(ZoneInfo("UTC"))

    def rows(self, query: str, **values: Any) -> list[Row]:
        given = {"begin": self.begin, "until": self.until, **values}
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, given).fetchall()

    def has(self, moment: datetime) -> bool:
        return self.begin <= moment < self.until


def new_york_day(moment: datetime) -> date:
    return moment.astimezone(NEW_YORK).date()
