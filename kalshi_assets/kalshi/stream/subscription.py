"""One channel's subscription, the command under way for it, and how long to wait for what."""

from dataclasses import dataclass, field
from typing import Literal

from kalshi_assets.domain.stream import Channel
from kalshi_assets.kalshi.stream.book import OpenGap

CommandKind = Literal["subscribe", "add", "delete", "get_snapshot", "unsubscribe", "list"]


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds of a clock that only goes forward.

    Attributes:
        answer_seconds: for the answer to a command.
        snapshot_seconds: for a book that was asked for.
        refusal_seconds: before a refused command is sent again.
        audit_seconds: between two looks at the exchange's list of subscriptions.
    """

    answer_seconds: float = 5.0
    snapshot_seconds: float = 5.0
    refusal_seconds: float = 30.0
    audit_seconds: float = 60.0


@dataclass(slots=True)
class Subscription:
    """A channel as we want it and as the exchange has it.

    Attributes:
        wanted: the markets; none for all of them; None where the channel is not wanted.
        sid: the exchange's id, None while there is no subscription.
        seq: the highest sequence number seen.
        tickers: the markets the exchange has confirmed.
        pending: the command under way.
        is_unsure: a command got no answer; the list will tell.
        is_refused: the next command waits for a while.
        gap: open while events of this channel are being missed; books have their own.
    """

    channel: Channel
    wanted: frozenset[str] | None
    sid: int | None = None
    seq: int = 0
    tickers: frozenset[str] = frozenset()
    pending: int | None = None
    is_unsure: bool = False
    is_refused: bool = False
    not_before: float = 0.0
    gap: OpenGap | None = None
    heard_ms: int = 0
    repeats: int = 0
    repeats_at: int = 0


@dataclass(frozen=True)
class Pending:
    """A command on its way; `known` are the ids of before a list was asked for."""

    kind: CommandKind
    channel: Channel | None
    tickers: frozenset[str]
    deadline: float
    known: dict[Channel, int | None] = field(default_factory=dict)
