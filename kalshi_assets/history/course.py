"""The days of a history, one after the other, from wherever the venue's clock stands."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.history.person import Person, resume_trading, withdraw_resting
from kalshi_assets.history.pipeline import Pipeline
from kalshi_assets.history.plan import Day
from kalshi_assets.history.steering import Steering
from kalshi_assets.storage import ledger, markets
from kalshi_assets.storage.breaker import newest_transition
from kalshi_assets.storage.trading_state import current_state, newest_change

# What passes between a poll and its judgement on a small machine.
JUDGED_AFTER = 3.0, 7.0
HUMAN_AFTER = timedelta(seconds=60)
RESTS_AT_MOST = timedelta(minutes=5)
# A halt is looked into for a while before trading is resumed.
LOOKED_INTO = timedelta(hours=2)
_log = logging.getLogger(__name__)


@dataclass
class Course:
    """A history at work.

    Attributes:
        pause: waits so many seconds of the wall.
    """

    steering: Steering
    pipeline: Pipeline
    person: Person
    pause: Callable[[float], None]

    def live(self, day: Day) -> bool:
        """Go through a day, as far as it is not over; tell whether anything was left of it."""
        venue = self.steering.clock()
        if venue.now() > day.at(day.times[-1]):
            return False
        self.pipeline.at(venue, **day.settings)
        self._is_reached(day.morning)
        self._morning(day)
        for clock in day.times:
            if self._is_reached(day.at(clock)):
                self._look(day, clock)
        return True

    def end(self, day: Day) -> None:
        """Load the last day and state what there is, on the morning after it."""
        self.pipeline.at(self.steering.clock())
        if self._is_reached(day.morning):
            self._morning(day)
        self.pipeline.reconcile()

    def _is_reached(self, moment: datetime) -> bool:
        """Go to a moment; False where the venue's clock stands behind it already."""
        if self.steering.clock().now() > moment:
            return False
        self.pipeline.at(self.steering.go_to(moment))
        return True

    def _morning(self, day: Day) -> None:
        """Load what is over and not loaded, and let the day's incidents come."""
        length = self.pipeline.settings.history_days if day.number == 0 else 1
        try:
            self.pipeline.load([day.day - timedelta(days=n) for n in range(length, 0, -1)])
        except KalshiAssetsError as exc:
            _log.info("%s: the day before could not be loaded: %s", day.day, exc)
        with self.pipeline.reading() as connection:
            tracked = list(markets.tracked_markets(connection))
        if faults := day.faults(tracked):
            self.steering.set_faults(faults)

    def _look(self, day: Day, clock: time) -> None:
        """Poll and judge; then the person acts."""
        self._resume_where_halted()
        is_checked = self.pipeline.poll()
        rng = day.chance(f"judged {clock}")
        self._later(timedelta(seconds=round(rng.uniform(*JUDGED_AFTER), 3)))
        self.pipeline.order_or_reconcile(is_checked=is_checked)
        self._tend_what_rests(day, clock)
        for deed in day.deeds(clock):
            self._later(HUMAN_AFTER)
            with self.pipeline.desk() as desk:
                self.person.act(desk, deed, day, day.chance(f"{deed} {clock}"))
            self._later(HUMAN_AFTER)
            self.pipeline.reconcile()

    def _later(self, span: timedelta) -> None:
        now = self.steering.clock().now()
        self.pipeline.at(self.steering.go_to(now + span))

    def _tend_what_rests(self, day: Day, clock: time) -> None:
        """Let what rests be taken off by hand, or expire."""
        if not self._is_something_live():
            return
        self._later(HUMAN_AFTER)
        try:
            with self.pipeline.desk() as desk:
                withdraw_resting(desk, day.chance(f"withdrawn {clock}"))
        except KalshiAssetsError as exc:
            _log.info("%s: nothing taken off by hand: %s", day.day, exc)
        self.pipeline.reconcile()
        if self._is_something_live():
            self._later(RESTS_AT_MOST)
            self.pipeline.reconcile()

    def _is_something_live(self) -> bool:
        with self.pipeline.reading() as connection:
            return bool(ledger.live_orders(connection))

    def _resume_where_halted(self) -> None:
        """Do as the runbook says once a halt was looked into."""
        with self.pipeline.reading() as connection:
            newest, state = newest_change(connection), current_state(connection)
        if newest is None or state != "halted" or newest.cause == "command":
            return
        with self.pipeline.desk() as desk:
            if desk.clock.now() - newest.changed_at < LOOKED_INTO:
                return
            with desk.database.transaction() as connection:
                breaker = newest_transition(connection, desk.api_host)
            if breaker is not None and breaker.until is not None:
                self.pause(max(0.0, (breaker.until - wall_now()).total_seconds()))
            resume_trading(desk)
