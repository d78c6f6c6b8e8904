"""What a week's review is made of: plain records. Reads nothing and computes nothing.

Money is micros, counts are centicontracts, moments carry a zone. What is not known is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.journal import Override, RoundTrip
from kalshi_assets.domain.week import Week

OK = "ok"


@dataclass(frozen=True)
class EquityPoint:
    """What the account was worth at a moment.

    Attributes:
        value_micros: cash, and positions at what they could be sold for, those that wait for their
            result at what they were last worth; None where a position had no price.
    """

    as_of: datetime
    value_micros: int | None
    cash_micros: int


@dataclass(frozen=True)
class Transfer:
    """Money paid in (above 0) or out."""

    at: datetime
    amount_micros: int


@dataclass(frozen=True, kw_only=True)
class RefusedDecision:
    """An entry that was refused, and what is needed to price what it would have made.

    Attributes:
        gates: those that refused it.
        ask_micros: what a contract of the side would have cost; `count`: how many would have been
            bought.
        fee_multiplier: of the market's series.
        yes_result_micros: what one YES contract was settled at, scalar results included.
        yes_mid_micros: the mid of YES now; of no matter once there is a result.
        was_ordered_later: a later judgement of the same signal led to an order.

    Raises:
        ValueError: no gate refused it.
    """

    decision_id: str
    signal_id: str
    judged_at: datetime
    gates: tuple[str, ...]
    side: Side
    ask_micros: int | None = None
    count: int | None = None
    fee_multiplier: Decimal | None = None
    yes_result_micros: int | None = None
    yes_mid_micros: int | None = None
    was_ordered_later: bool = False

    def __post_init__(self) -> None:
        if not self.gates:
            raise ValueError(f"{self.decision_id} was refused by no gate: what did refuse it?")


@dataclass(frozen=True, kw_only=True)
class EntryOrder:
    """An order of the bot that was to open a position, and how it fared.

    Attributes:
        has_reached_venue: the venue is known to have had it.
        signal_at: when its signal was made.
        acknowledged_at: when the venue had it; None where that is not known.
    """

    order_id: str
    count: int
    fill_count: int
    has_reached_venue: bool
    signal_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True)
class CheckCount:
    """How often a check of the data was made, and how often it failed."""

    check_name: str
    verdict_count: int
    failure_count: int


@dataclass(frozen=True)
class Stretch:
    """A time in which data were missing or trading was halted; `end` is None while it lasts."""

    begin: datetime
    end: datetime | None
    reason: str


@dataclass(frozen=True)
class Calls:
    """Calls to the exchange with one outcome (see `outcome_of`) and one latency."""

    outcome: str
    latency_ms: int
    count: int = 1


@dataclass(frozen=True)
class SettingChange:
    """A setting that changed; None: it was not set. It never holds a secret."""

    at: datetime
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Played:
    """A trade of a week that was played again on its stored prices.

    Attributes:
        result_micros: after fees; None where it was held to the week's end without a price.
        is_open: it was held to the week's end, and its market has no result: it is marked.
    """

    market_ticker: str
    entered_at: datetime
    result_micros: int | None
    is_open: bool


@dataclass(frozen=True)
class PlayedWeek:
    """The week under another threshold, points off the average.

    Attributes:
        is_configured: it is the one that is set.
    """

    points: Decimal
    is_configured: bool
    trades: Sequence[Played]


@dataclass(frozen=True, kw_only=True)
class WeekInputs:
    """All that the review of one week is made of, in any order.

    What is not of the week is left out where it has a moment, so more may be given. Only counts
    (`checks`, `calls`) must be of the week alone.

    Attributes:
        as_of: up to when all of this is known; before the week's end, the review is provisional.
        trips, overrides: of the journal of all books up to the week's end, or to `as_of`. Trips
            that know more are refused: they would tell the week what came after it.
        unassigned_micros: of the same journal.
        equity: the week's, and the last point before it; `transfers`: since that point.
        before: trips of the account before its books were opened.
        categories: by market.
        refused: entries only; exits have no gate that could have made money.
        played: the week under other thresholds, knowing how it ended.
        forgotten: records of which some of the week's are past retention, and gone.
    """

    week: Week
    as_of: datetime
    trips: Sequence[RoundTrip] = ()
    overrides: Sequence[Override] = ()
    unassigned_micros: int = 0
    before: Sequence[RoundTrip] = ()
    equity: Sequence[EquityPoint] = ()
    transfers: Sequence[Transfer] = ()
    categories: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[RefusedDecision] = ()
    orders: Sequence[EntryOrder] = ()
    checks: Sequence[CheckCount] = ()
    gaps: Sequence[Stretch] = ()
    halts: Sequence[Stretch] = ()
    calls: Sequence[Calls] = ()
    changes: Sequence[SettingChange] = ()
    played: Sequence[PlayedWeek] = ()
    forgotten: Sequence[str] = ()

    @property
    def known_until(self) -> datetime:
        """Return the end of what is reviewed: the week's, or `as_of` where that is earlier.

        Raises:
            ValueError: the week has not begun.
        """
        return self.week.known_until(self.as_of)

    def has(self, moment: datetime) -> bool:
        """Tell whether a moment is of the week, as far as it is known."""
        return self.week.begin <= moment < self.known_until


def outcome_of(status: int | None, error: str) -> str:
    """Return the outcome of a call to the exchange: `ok`, the kind of error, or its status."""
    if status is not None and 200 <= status < 300 and not error:
        return OK
    return error or f"HTTP {status}"
