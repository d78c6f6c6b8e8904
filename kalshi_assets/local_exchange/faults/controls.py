"""The rules that are set, when each of them holds, and how often it struck."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import fields
from functools import partial
from random import Random

from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.local_exchange.faults.catalog import Fault
from kalshi_assets.local_exchange.faults.entry import Entry, View
from kalshi_assets.local_exchange.faults.feed import FaultyFeed
from kalshi_assets.local_exchange.faults.rules import (
    CallRule,
    FeedRule,
    Rule,
    Stage,
    SwitchRule,
)
from kalshi_assets.local_exchange.faults.switches import Disconnect
from kalshi_assets.local_exchange.faults.vocabulary import NamedRule, read_rules
from kalshi_assets.local_exchange.gate import Endpoint
from kalshi_assets.local_exchange.interventions import Interventions
from kalshi_assets.local_exchange.tape import Tape


class Controls:
    """An `Interceptor` that holds the rules; the first one set is the first to meet a call.

    A rule on calls meets the call before those after it: what it answers in place of the exchange,
    they never see. The feed's faults come last, nearest to the exchange's own answer. A rule holds
    from its `from` or the moment it is set, whichever is later. A switch that no rule ever turned
    stays as it was left.

    Args:
        tape: the exchange's tape.
        switches: the exchange's switches.
        operations: every operation it serves.
        now_ms: the venue's moment.
        disconnect_all: cuts all WebSockets.
    """

    def __init__(
        self,
        tape: Tape,
        switches: Interventions,
        *,
        operations: Sequence[Endpoint],
        now_ms: Callable[[], int],
        disconnect_all: Callable[[], object] = lambda: None,
    ) -> None:
        self._tape = tape
        self._switches = switches
        self._stage = Stage(operations, list(tape.listings), tape.started_ms)
        self._now_ms = now_ms
        self.disconnect_all = disconnect_all
        self._entries: list[Entry] = []
        self._added = 0
        self._feed: FaultyFeed | None = None
        self._turned = Interventions()

    def add(self, documents: Sequence[object], *, place: str) -> list[int]:
        """Set rules, and return their ids.

        Args:
            documents: decoded JSON objects, see `vocabulary`.
            place: where they stand, for the message.

        Raises:
            BadFaultRule: if one of them cannot hold; then none is set.
        """
        added = [self._entry(named) for named in read_rules(documents, self._stage, place=place)]
        self._entries += added
        self.apply()
        return [entry.entry_id for entry in added]

    def remove(self, entry_id: int | None) -> list[View]:
        """Take a rule back, or all of them; return them as they were."""
        gone = [entry for entry in self._entries if entry_id in (None, entry.entry_id)]
        views = [entry.view() for entry in gone]
        self._entries = [entry for entry in self._entries if entry not in gone]
        self._settle({type(entry.named.rule) for entry in gone if entry.is_on})
        return views

    def apply(self) -> None:
        """Let the rules begin and end whose time has come; call it several times a second."""
        now_ms = self._now_ms()
        turned = [entry for entry in self._entries if entry.is_on != entry.holds_at(now_ms)]
        for entry in turned:
            entry.is_on = not entry.is_on
            entry.struck += isinstance(entry.named.rule, SwitchRule) and entry.is_on
        self._settle({type(entry.named.rule) for entry in turned})
        self._disconnect(now_ms)

    def view(self) -> View:
        """Return every rule set, whether it holds and how often it struck."""
        self.apply()
        return {"faults": [entry.view() for entry in self._entries]}

    async def __call__(
        self, request: Request, endpoint: Endpoint, proceed: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Answer a call as the rules and then the exchange have it."""
        self.apply()
        if self._feed is not None:
            proceed = partial(self._feed, request, endpoint, proceed)
        for entry in reversed(self._entries):
            proceed = partial(_meet, entry, request, endpoint, proceed)
        return await proceed()

    def _entry(self, named: NamedRule) -> Entry:
        self._added += 1
        start, end = named.rule.span(self._tape.started_ms)
        seed = named.rule.seed if isinstance(named.rule, CallRule) else 0
        chance = Random(seed)  # noqa: S311 - reproducible on purpose, and guards nothing
        return Entry(self._added, named, (max(start, self._now_ms()), end), chance)

    def _settle(self, kinds: Collection[type[Rule]]) -> None:
        """Take into account that rules of these kinds have begun or ended."""
        if any(issubclass(kind, SwitchRule) for kind in kinds):
            self._turn_switches()
        if FeedRule in kinds:
            faults = [fault for entry in self._entries if (fault := _feed_fault(entry))]
            feed = FaultyFeed(faults, self._tape, on_strike=self._count_feed)
            self._feed = feed if faults else None

    def _turn_switches(self) -> None:
        wanted = Interventions()
        for entry in self._entries:
            if entry.is_on and isinstance(entry.named.rule, SwitchRule):
                entry.named.rule.switch(wanted, self._stage.markets)
        for switch in fields(wanted):
            value = getattr(wanted, switch.name)
            if value != getattr(self._turned, switch.name):
                setattr(self._switches, switch.name, value)
        self._turned = wanted

    def _count_feed(self, name: str, ticker: str | None) -> None:
        for entry in self._entries:
            rule = entry.named.rule
            if entry.is_on and entry.named.name == name and isinstance(rule, FeedRule):
                entry.struck += rule.market is None or rule.market == ticker

    def _disconnect(self, now_ms: int) -> None:
        for entry in self._entries:
            if entry.is_on and isinstance(entry.named.rule, Disconnect):
                due = entry.named.rule.due_count(entry.span[0], now_ms)
                if entry.struck < due:
                    entry.struck = due
                    self.disconnect_all()


def _feed_fault(entry: Entry) -> Fault | None:
    """Return what a rule does to the feed now; one without a beginning is of the tape's start."""
    rule = entry.named.rule
    if not entry.is_on or not isinstance(rule, FeedRule):
        return None
    since_ms = None if rule.from_ is None else int(entry.span[0])
    return Fault(entry.named.name, rule.market, since_ms)


async def _meet(
    entry: Entry, request: Request, endpoint: Endpoint, proceed: Callable[[], Awaitable[Response]]
) -> Response:
    rule = entry.named.rule
    if isinstance(rule, CallRule) and entry.strikes(endpoint):
        return await rule.strike(request, endpoint, proceed)
    return await proceed()
