"""What a database shows of the days on which its ledger was compared with the venue."""

from dataclasses import dataclass

from sqlalchemy import Connection, Date, cast, func, select

from kalshi_assets.domain.calendar import VENUE_TIMEZONE
from kalshi_assets.storage.condition import identity_of
from kalshi_assets.storage.schema import verdicts

CHECK = "ledger_equals_venue"


@dataclass(frozen=True)
class Evidence:
    """The newest New York days that were compared, and on how many the last word was agreement."""

    identity: str | None
    compared: int
    agreed: int

    def is_right(self, days: int) -> bool:
        """Tell whether the newest so many days all ended in agreement."""
        return self.compared >= days and self.agreed == self.compared

    @property
    def sentence(self) -> str:
        """Say it for people."""
        return f"{self.agreed} of {self.compared} days reconciled"


def reconciled_days(connection: Connection, *, newest: int) -> Evidence:
    """Look at the newest compared days; of each day the last verdict counts."""
    day = cast(func.timezone(VENUE_TIMEZONE, verdicts.c.as_of), Date)
    query = (
        select(verdicts.c.is_passed)
        .where(verdicts.c.check_name == CHECK)
        .distinct(day)
        .order_by(day.desc(), verdicts.c.as_of.desc(), verdicts.c.verdict_id.desc())
        .limit(newest)
    )
    ended = list(connection.scalars(query))
    return Evidence(identity_of(connection), len(ended), sum(ended))
