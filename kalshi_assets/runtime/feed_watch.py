"""What the alert service watches: whether polls are answered, and whether the live feed tells."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kalshi_assets.domain.calendar import CollectionCalendar, venue_day
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.storage.alert_causes import (
    alert_on_silence,
    alert_on_stream_away,
    newest_answer_at,
    settle_silence,
    settle_stream,
)
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.feeds import current_feed

SILENT_SLOTS = 4
# A new installation loads its history first, for ten minutes at most.
FIRST_POLL_PATIENCE = timedelta(minutes=12)
# The stream is connected anew by itself; an alert is for what that does not mend.
STREAM_PATIENCE = timedelta(minutes=3)


@dataclass(frozen=True)
class FeedWatch:
    """Notices that no quotes come while they should, on the venue's clock."""

    collection: CollectionCalendar
    poll_seconds: int
    started_at: datetime

    def step(self, connection: Connection, now: datetime) -> None:
        """Alert where no poll was answered for four slots; settle that where one was."""
        if not self.collection.is_open(now):
            return
        longest = timedelta(seconds=SILENT_SLOTS * self.poll_seconds)
        newest = newest_answer_at(connection)
        if newest is not None and now - newest <= longest:
            settle_silence(connection, at=now)
            return
        opened_at, _ = self.collection.hours_of(venue_day(now))
        due_since = max(self.started_at, opened_at)
        patience = longest if newest is not None else longest + FIRST_POLL_PATIENCE
        if now - due_since > patience:
            alert_on_silence(connection, since=newest or due_since, at=now)


@dataclass(frozen=True)
class StreamWatch:
    """Notices that the live feed is away where it is wanted. The start of one takes a while."""

    clock: VenueClock
    started_at: datetime

    def step(self, connection: Connection, wall: datetime) -> None:
        """Alert where nothing is streamed for some minutes; settle that where something is."""
        feed, now = current_feed(connection), self.clock.at(wall)
        since = self.started_at
        if feed is not None and feed.is_alive(wall):
            if feed.is_streaming:
                settle_stream(connection, at=now)
                return
            since = max(since, feed.away_since or now)
        elif feed is not None:
            since = max(since, self.clock.at(feed.beat_wall_at))
        # On a venue that is replayed faster the same wait is longer.
        if now - since > STREAM_PATIENCE * max(1.0, self.clock.speed):
            alert_on_stream_away(connection, since=since, at=now)
