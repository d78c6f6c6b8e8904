"""How far the account's past is read: one row a list and tier, moved on with each page's rows."""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, select

from kalshi_assets.domain.account import ListKind, Tier
from kalshi_assets.storage.rows import upsert
from kalshi_assets.storage.schema import history_imports


@dataclass(frozen=True)
class Pass:
    """One way through a list of a tier, from its newest row to its oldest.

    Attributes:
        cursor: leads to the page to read next; "" for the first.
        since: the moment it goes back to; None: all the way.
        newest_at: the newest moment met in this tier so far.
        added, known: rows that were kept, and those that were kept already.
        left_out: rows that are not of before the opening, or not surely so.
        malformed: rows that could not be read, and lie in quarantine.
    """

    kind: ListKind
    tier: Tier
    cursor: str = ""
    since: datetime | None = None
    newest_at: datetime | None = None
    pages: int = 0
    added: int = 0
    known: int = 0
    left_out: int = 0
    malformed: int = 0
    is_done: bool = False

    @property
    def rows(self) -> int:
        """Return how many rows came."""
        return self.added + self.known + self.left_out + self.malformed

    @property
    def is_whole(self) -> bool:
        """Tell whether all of it is read, and every row of it could be."""
        return self.is_done and not self.malformed


def stored_passes(connection: Connection, venue: str) -> dict[tuple[str, str], Pass]:
    """Return the newest pass through each list and tier that was ever begun."""
    columns = [history_imports.c[field.name] for field in fields(Pass)]
    rows = connection.execute(select(*columns).where(history_imports.c.venue == venue))
    return {(row.kind, row.tier): Pass(**row._mapping) for row in rows}


def save_pass(connection: Connection, venue: str, done: Pass, *, at: datetime) -> None:
    """Keep how far a pass has come, in the transaction of the page's rows."""
    upsert(connection, history_imports, [{**vars(done), "venue": venue, "updated_at": at}])
