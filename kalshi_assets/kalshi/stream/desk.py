"""What we want of the exchange against what it has confirmed, and the commands for the difference.

One subscription a channel. A command without an answer in time is settled by the exchange's own
list of subscriptions, which is also asked for now and then: so a lost answer, or the lost news that
a subscription has ended, does not last. Knows no books and no gaps.
"""

from collections.abc import Iterable

from kalshi_assets.domain.stream import Channel
from kalshi_assets.kalshi.stream import commands
from kalshi_assets.kalshi.stream.subscription import CommandKind, Patience, Pending, Subscription


class Desk:
    """Subscriptions and the commands under way, on one connection at a time."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._last_id = 0
        self._audit_at: float | None = None
        self.subscriptions: dict[Channel, Subscription] = {}
        self.by_sid: dict[int, Subscription] = {}
        self.pending: dict[int, Pending] = {}
        self.strays: set[int] = set()
        self._ended: set[int] = set()

    def want(self, channel: Channel, tickers: frozenset[str] | None) -> Subscription:
        """Note what is wanted from now on, and return the subscription."""
        found = self.subscriptions.setdefault(channel, Subscription(channel, tickers))
        found.wanted = frozenset() if channel in commands.UNFILTERED and tickers else tickers
        return found

    def reset(self) -> None:
        """Forget what the last connection knew; ids and numbers start anew with the next."""
        for known in (self.by_sid, self.pending, self.strays, self._ended):
            known.clear()
        self._audit_at = None
        for found in self.subscriptions.values():
            self._close(found)

    def adopt(self, found: Subscription, sid: int) -> None:
        """Take a subscription id as the channel's."""
        self._settle(found)
        found.sid, found.seq, found.is_unsure = sid, 0, False
        self._ended.discard(sid)
        self.by_sid[sid] = found

    def end(self, found: Subscription) -> None:
        """Note that the channel's subscription is over."""
        if found.sid is not None:
            self._ended.add(found.sid)
            self.by_sid.pop(found.sid, None)
        self._close(found)

    def is_expected(self, channel: Channel, sid: int) -> bool:
        """Tell whether frames with this id are those of a subscription whose answer is not in."""
        found = self.subscriptions.get(channel)
        if found is None or found.sid is not None or sid in self._ended:
            return False
        return found.pending is not None or found.is_unsure

    def turn_away(self, sid: int) -> None:
        """Have an id unsubscribed that is not ours."""
        if sid not in self._ended and sid not in self.by_sid:
            self._ended.add(sid)
            self.strays.add(sid)

    def confirm(self, found: Subscription, tickers: Iterable[str] | None, *, answered: int) -> None:
        """Take the exchange's list of a subscription's markets after an update."""
        command = self.pending.get(answered)
        if tickers is not None:
            found.tickers = frozenset(tickers)
        elif command is not None and command.kind == "add":
            found.tickers |= command.tickers
        elif command is not None and command.kind == "delete":
            found.tickers -= command.tickers
        if command is not None:
            self.pending.pop(answered)
            if found.pending == answered:
                found.pending = None
            if command.kind == "add" and not command.tickers <= found.tickers:
                found.is_refused = True

    def refuse(self, answered: int) -> Subscription | None:
        """Note that a command failed; return the subscription it was for."""
        command = self.pending.pop(answered, None)
        if command is None or command.channel is None:
            return None
        found = self.subscriptions.get(command.channel)
        if found is not None and found.pending == answered:
            found.pending, found.is_refused = None, True
        return found

    def commands(self, now: float) -> list[bytes]:
        """Return what to send now."""
        self._expire(now)
        out = [sent for found in [*self.subscriptions.values()] if (sent := self._next(found, now))]
        if self._is_list_due(now):
            known = {channel: found.sid for channel, found in self.subscriptions.items()}
            out.append(commands.list_subscriptions(self._enter("list", now, known=known)))
        if self.strays:
            out.append(commands.unsubscribe(self._enter("unsubscribe", now), self.strays))
            self.strays = set()
        return out

    def get_snapshot(self, found: Subscription, tickers: Iterable[str], *, now: float) -> bytes:
        """Return the command that asks for the books of some markets."""
        sid = found.sid or 0
        command_id = self._enter("get_snapshot", now, channel=found.channel)
        return commands.update(command_id, "get_snapshot", sid=sid, tickers=tickers)

    def _next(self, found: Subscription, now: float) -> bytes | None:
        if found.pending is not None or found.is_unsure:
            return None
        if found.is_refused:
            found.is_refused = False
            found.not_before = now + self._patience.refusal_seconds
        if now < found.not_before:
            return None
        if found.wanted is None and found.sid is None:
            del self.subscriptions[found.channel]
            return None
        if found.sid is None:
            return self._subscribe(found, now)
        return self._update(found, found.sid, now=now)

    def _subscribe(self, found: Subscription, now: float) -> bytes:
        found.tickers = found.wanted or frozenset()
        command_id = self._begin(found, "subscribe", now=now)
        return commands.subscribe(command_id, found.channel, tickers=found.tickers)

    def _update(self, found: Subscription, sid: int, *, now: float) -> bytes | None:
        wanted = found.wanted
        if wanted == found.tickers:
            return None
        if wanted is None or not wanted or not found.tickers:
            return commands.unsubscribe(self._begin(found, "unsubscribe", now=now), [sid])
        if added := wanted - found.tickers:
            command_id = self._begin(found, "add", now=now, tickers=added)
            return commands.update(command_id, "add_markets", sid=sid, tickers=added)
        gone = found.tickers - wanted
        command_id = self._begin(found, "delete", now=now, tickers=gone)
        return commands.update(command_id, "delete_markets", sid=sid, tickers=gone)

    def _begin(
        self,
        found: Subscription,
        kind: CommandKind,
        *,
        now: float,
        tickers: frozenset[str] = frozenset(),
    ) -> int:
        found.pending = self._enter(kind, now, channel=found.channel, tickers=tickers)
        return found.pending

    def _enter(
        self,
        kind: CommandKind,
        now: float,
        *,
        channel: Channel | None = None,
        tickers: frozenset[str] = frozenset(),
        known: dict[Channel, int | None] | None = None,
    ) -> int:
        self._last_id += 1
        deadline = now + self._patience.answer_seconds
        self.pending[self._last_id] = Pending(kind, channel, tickers, deadline, known or {})
        return self._last_id

    def _expire(self, now: float) -> None:
        for command_id, command in [*self.pending.items()]:
            if command.deadline > now:
                continue
            del self.pending[command_id]
            found = self.subscriptions.get(command.channel) if command.channel else None
            if found is not None and found.pending == command_id:
                found.pending = None
                found.is_unsure = command.kind in ("subscribe", "unsubscribe")

    def _is_list_due(self, now: float) -> bool:
        if self._audit_at is None:
            self._audit_at = now + self._patience.audit_seconds
        if any(command.kind == "list" for command in self.pending.values()):
            return False
        is_unsure = any(found.is_unsure for found in self.subscriptions.values())
        if not is_unsure and now < self._audit_at:
            return False
        self._audit_at = now + self._patience.audit_seconds
        return True

    def _settle(self, found: Subscription) -> None:
        if found.pending is not None:
            self.pending.pop(found.pending, None)
            found.pending = None

    def _close(self, found: Subscription) -> None:
        self._settle(found)
        found.sid, found.seq, found.is_unsure = None, 0, False
        found.is_refused, found.not_before = False, 0.0
        found.tickers = frozenset()
