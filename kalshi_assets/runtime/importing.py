"""`import-history`: the account's time before its books, read into the database of what runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import count
from math import ceil

from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.domain.price import dollars
from kalshi_assets.errors import ConfigurationError, LedgerNotOpen, ProcessError
from kalshi_assets.execution.importing import HistoryImport, Imported
from kalshi_assets.execution.opening import open_patient_client
from kalshi_assets.kalshi.requests import LARGEST_PAGE
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets.runtime.trading import at_work, command_id
from kalshi_assets.settings import Settings
from kalshi_assets.storage import books
from kalshi_assets.storage.engine import IMPORT_LOCK, Connection, Database
from kalshi_assets.storage.history_imports import Pass
from kalshi_assets.storage.journal import read_earlier_books


@dataclass(frozen=True)
class Baseline:
    """The time before the opening as it stands in the database now.

    Attributes:
        first_at, last_at: of its fills; None where there are none.
        trips, still_open: round trips, and those of them that were held at the opening.
        net_usd: what all contracts closed made, net of their fees, as an exact text.
    """

    opened_at: datetime
    first_at: datetime | None
    last_at: datetime | None
    fills: int
    settlements: int
    trips: int
    still_open: int
    net_usd: str


@dataclass(frozen=True)
class Report:
    """What an import came to, and what is there now."""

    imported: Imported
    requests: int
    baseline: Baseline

    @property
    def least_requests(self) -> int:
        """Return the fewest calls that could have brought these rows: full pages, no other."""
        pages = sum(max(1, ceil(each.rows / LARGEST_PAGE)) for each in self.imported.passes)
        return pages + ceil(self.imported.looked_up / LARGEST_PAGE)

    def as_dict(self) -> dict[str, object]:
        """Return it as `--json` prints it; moments as ISO texts."""
        told = {n: v.isoformat() if isinstance(v, datetime) else v for n, v in self._baseline()}
        return {
            "is_whole": self.imported.is_whole,
            "lists": [_list_as_dict(each) for each in self.imported.passes],
            "settlements_worked_out": self.imported.worked_out,
            "disagreements": list(self.imported.disagreements),
            "requests": self.requests,
            "least_requests": self.least_requests,
            "before_the_books": told,
        }

    def as_text(self) -> str:
        """Return it for people."""
        return "\n".join(self._lines())

    def _baseline(self) -> Sequence[tuple[str, object]]:
        return list(asdict(self.baseline).items())

    def _lines(self) -> Iterator[str]:
        for each in self.imported.passes:
            yield f"{each.tier} {each.kind}: {_counts(each)}"
        if self.imported.worked_out:
            yield f"settlements worked out of fills and results: {self.imported.worked_out}"
        yield f"Requests: {self.requests}; full pages alone would be {self.least_requests}."
        yield from _baseline_lines(self.baseline)
        for sentence in self.imported.disagreements:
            yield f"DOES NOT ADD UP: {sentence}"
        malformed = sum(each.malformed for each in self.imported.passes)
        if malformed:
            yield (
                f"NOT WHOLE: {malformed} rows could not be read, their bytes lie in quarantine; "
                "another run asks for these lists again."
            )
        if self.imported.is_whole:
            yield "Whole: every row was read, and what is left open was held at the opening."


def import_history(given: Settings, *, tell: Callable[[str], None]) -> Report:
    """Read the account's past of both tiers, and say what is there now.

    Args:
        given: this process's settings.
        tell: takes a line of progress.

    Raises:
        ConfigurationError: nothing runs here, no key is set, or the account is a paper one.
        LedgerNotOpen: the books are not open yet.
        ProcessError: another import is at work.
        ExchangeError, PayloadError, HistoryDiffers: it ended early; another run goes on.
    """
    with at_work(given) as (settings, database):
        if settings.venue == "paper":
            raise ConfigurationError(
                "the paper account lies in this database: it has no past at the exchange"
            )
        with database.advisory_lock(IMPORT_LOCK) as is_ours:
            if not is_ours:
                raise ProcessError("another import-history is at work on this database")
            return _import(settings, database, tell)


def _import(settings: Settings, database: Database, tell: Callable[[str], None]) -> Report:
    with database.transaction() as connection:
        opened = books.opening(connection)
    if opened is None:
        raise LedgerNotOpen(
            "the books are not open yet: what is before them is not known; the first reconcile job "
            "opens them, a minute after a start"
        )
    calls = count()

    def count_call(_: ApiCall) -> None:
        next(calls)

    with open_patient_client(settings, database, on_call=count_call) as client:
        imported = HistoryImport(
            client,
            database,
            settings.venue,
            opened,
            VenueClock.parse(settings.venue_clock),
            command_id("import-history"),
            tell,
        ).run()
    with database.transaction() as connection:
        return Report(imported, next(calls), _baseline(connection, opened))


def _baseline(connection: Connection, opened: books.Opening) -> Baseline:
    earlier = read_earlier_books(connection)
    moments = [fill.filled_at for fill in earlier.fills]
    trips = journal_of(earlier, sell_prices={}).trips
    return Baseline(
        opened_at=opened.at,
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
        fills=len(earlier.fills),
        settlements=len(earlier.settlements),
        trips=len(trips),
        still_open=sum(trip.closed_at is None for trip in trips),
        net_usd=str(dollars(_net(trips))),
    )


def _net(trips: Sequence[RoundTrip]) -> int:
    return sum(trip.realized_micros for trip in trips)


def _baseline_lines(found: Baseline) -> Iterator[str]:
    if found.first_at is None or found.last_at is None:
        yield f"Nothing was filled before the books were opened, {found.opened_at:%Y-%m-%d} UTC."
        return
    yield (
        f"Before the books: {found.fills} fills and {found.settlements} settlements, "
        f"{found.first_at:%Y-%m-%d} to {found.last_at:%Y-%m-%d} UTC."
    )
    yield (
        f"Journal of that time: {found.trips} round trips, {found.still_open} still open at the "
        f"opening; net result of what was closed {float(found.net_usd):+,.2f} USD."
    )


def _counts(each: Pass) -> str:
    malformed = f", {each.malformed} malformed" if each.malformed else ""
    return (
        f"{each.added} added, {each.known} known already, {each.left_out} left to the books"
        f"{malformed}, {each.pages} pages"
    )


def _list_as_dict(each: Pass) -> dict[str, object]:
    names = ("kind", "tier", "pages", "added", "known", "left_out", "malformed", "is_done")
    return {name: getattr(each, name) for name in names}
