"""Reads the account's past over both tiers of the exchange, page by page, and can be killed at any.

A page's rows, and how far the list is read, are one transaction. Every list is read in the live
tier first, and to its end, before it is read in the historical one: what moves over meanwhile is
met in the second. What is met in both counts once, as it is known by its name.

Once all is read, a later run asks only for what came since, with a day's overlap; a list in which a
row could not be read is read again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from kalshi_assets.domain.account import Fill, ListKind, Settlement, Tier
from kalshi_assets.domain.clock import Clock
from kalshi_assets.errors import PayloadError
from kalshi_assets.execution.earlier_rows import DOUBT, keep_rows, moment_of
from kalshi_assets.execution.old_settlements import (
    disagreements,
    left_open,
    of_markets,
    to_work_out,
    worked_out,
)
from kalshi_assets.kalshi.batches import MarketBatch, RejectedPayload
from kalshi_assets.kalshi.calls_pages import LISTS, AccountPage
from kalshi_assets.kalshi.requests import LARGEST_PAGE
from kalshi_assets.storage import account, books
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.history_imports import Pass, save_pass, stored_passes
from kalshi_assets.storage.intake import Quarantined, save_quarantined

OVERLAP = timedelta(days=1)


class Past(Protocol):
    """What gives the past: a client of the exchange."""

    def account_page(
        self,
        kind: ListKind,
        tier: Tier,
        *,
        cursor: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LARGEST_PAGE,
    ) -> AccountPage:
        """Return one page of a list of the account, newest first."""

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        """Return live markets."""

    def historical_markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        """Return markets of the historical tier."""


@dataclass(frozen=True)
class Imported:
    """What a run came to.

    Attributes:
        passes: through each list and tier, as far as they have come.
        pages_asked: how many this run asked for.
        looked_up: markets whose result was asked for, as no list tells what they paid.
        worked_out: settlements of them, added in this run.
        disagreements: markets in which the past does not add up to the opening, a sentence each.
    """

    passes: Sequence[Pass]
    pages_asked: int
    looked_up: int
    worked_out: int
    disagreements: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Tell whether every row was read, and all adds up."""
        return all(each.is_whole for each in self.passes) and not self.disagreements


@dataclass
class HistoryImport:
    """An import into the ledger of one venue, whose books are open.

    Attributes:
        venue: the name under which progress is kept.
        tell: takes a line of progress for people.
        page_rows: rows a page.
    """

    past: Past
    database: Database
    venue: str
    opened: books.Opening
    clock: Clock
    run_id: str
    tell: Callable[[str], None]
    page_rows: int = LARGEST_PAGE
    pages_asked: int = 0

    def run(self) -> Imported:
        """Read all that is not read yet.

        Raises:
            ExchangeError: no usable answer came; what was read is kept, another run goes on.
            PayloadError: a whole page could not be read; it lies in quarantine.
            HistoryDiffers: a row is known otherwise.
        """
        passes = [self._through(each) for each in self._due()]
        asked, added = 0, 0
        if all(each.is_whole for each in passes):
            asked, added = self._work_out_settlements()
        return Imported(passes, self.pages_asked, asked, added, self._disagreements())

    def _due(self) -> list[Pass]:
        """Return a pass for each list and tier: those begun, or new ones where all are done.

        They stand in the order in which they are to be made: all of the live tier first.
        """
        with self.database.transaction() as connection:
            stored = stored_passes(connection, self.venue)
        begun = [stored.get(place, Pass(*place)) for place in LISTS]
        return [_again(each) for each in begun] if all(b.is_done for b in begun) else begun

    def _through(self, done: Pass) -> Pass:
        seen = {done.cursor}
        while not done.is_done:
            page = self._page(done)
            if page.cursor in seen and page.cursor:
                raise PayloadError(f"{done.kind}: the cursor repeats", payload=page.cursor.encode())
            seen.add(page.cursor)
            done = self._keep(done, page)
            self.tell(_progress(done, page))
        return done

    def _page(self, done: Pass) -> AccountPage:
        self.pages_asked += 1
        try:
            return self.past.account_page(
                done.kind,
                done.tier,
                cursor=done.cursor,
                since=done.since,
                until=self.opened.at,
                limit=self.page_rows,
            )
        except PayloadError as exc:
            bad = Quarantined(f"{done.tier} {done.kind}", str(exc), exc.payload)
            with self.database.transaction() as connection:
                self._quarantine(connection, [bad])
            raise

    def _keep(self, done: Pass, page: AccountPage) -> Pass:
        """Keep a page and that it is read, as one; return the pass after it."""
        now = self.clock.now()
        with self.database.transaction() as connection:
            kept = keep_rows(connection, done.kind, page.rows, opened_at=self.opened.at, now=now)
            self._quarantine(connection, _of_rejected(page.rejected))
            moments = [moment_of(row) for row in page.rows]
            after = replace(
                done,
                cursor=page.cursor,
                newest_at=max([*moments, *filter(None, [done.newest_at])], default=None),
                pages=done.pages + 1,
                added=done.added + kept.added,
                known=done.known + kept.known,
                left_out=done.left_out + kept.left_out,
                malformed=done.malformed + len(page.rejected),
                is_done=not page.cursor,
            )
            save_pass(connection, self.venue, after, at=now)
        return after

    def _work_out_settlements(self) -> tuple[int, int]:
        """Add settlements that no list tells any more; return how many were asked, and added."""
        fills, settlements = self._earlier()
        left = left_open(fills, settlements)
        asked = to_work_out(left, self._held(), settlements)
        if not asked:
            return 0, 0
        own = of_markets(fills, asked)
        found = [self.past.historical_markets(tickers=asked)]
        known = {s.market.ticker for s in found[0].snapshots}
        if rest := [ticker for ticker in asked if ticker not in known]:
            found.append(self.past.markets(tickers=rest))
        ended = [s.market for batch in found for s in batch.snapshots]
        told = (worked_out(one, own[one.ticker], left[one.ticker]) for one in ended)
        new = [one for one in told if one and one.settled_at < self.opened.at - DOUBT]
        with self.database.transaction() as connection:
            for batch in found:
                self._quarantine(connection, _of_rejected(batch.rejected))
            added = account.save_settlements(connection, new, is_before_opening=True)
        self.tell(f"settlements worked out of fills and results: {added} of {len(asked)}")
        return len(asked), added

    def _disagreements(self) -> list[str]:
        left = left_open(*self._earlier())
        return [each.sentence for each in disagreements(left, self._held())]

    def _held(self) -> Mapping[str, int]:
        return {t: position for t, (position, _) in self.opened.positions.items() if position}

    def _earlier(self) -> tuple[list[Fill], list[Settlement]]:
        with self.database.transaction() as connection:
            return books.before_opening(connection)

    def _quarantine(self, connection: Connection, rows: Sequence[Quarantined]) -> None:
        now = self.clock.now()
        save_quarantined(connection, rows, received_at=now, run_id=self.run_id)


def _again(done: Pass) -> Pass:
    """Return the next pass after one that is done: over what is newer, or could not be read."""
    since = done.since
    if not done.malformed and done.newest_at is not None:
        since = done.newest_at - OVERLAP
    return Pass(done.kind, done.tier, since=since, newest_at=done.newest_at)


def _of_rejected(rejected: Sequence[RejectedPayload]) -> list[Quarantined]:
    return [Quarantined(each.source, each.reason, each.payload) for each in rejected]


def _progress(done: Pass, page: AccountPage) -> str:
    back_to = min((moment_of(row) for row in page.rows), default=None)
    back = "" if back_to is None else f", back to {back_to:%Y-%m-%d %H:%M} UTC"
    malformed = f", {done.malformed} MALFORMED" if done.malformed else ""
    return (
        f"{done.tier} {done.kind}, page {done.pages}: {done.added} added, {done.known} known, "
        f"{done.left_out} of the books' own time{malformed}{back}"
    )
