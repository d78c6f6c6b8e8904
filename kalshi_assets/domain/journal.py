"""The trade journal: what it is made of, and what it says of one round trip and one override.

Money is micros, counts are centicontracts, prices are those of the side held, in micros. What is
not known is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from kalshi_assets.domain.account import Fill, Settlement, Side

# `unknown`: of an order of our scheme that this ledger did not send. `opening`: held when the books
# were opened.
TripKind = Literal["bot", "manual", "unknown", "opening"]
OverrideKind = Literal["cancelled", "closed_early", "doubled"]


@dataclass(frozen=True, kw_only=True)
class JournalOrder:
    """An order of ours with what the journal needs of its decision and of its end.

    Attributes:
        limit_price: the most that was to be paid for one contract of the side bought.
        exit_reason: of an exit, the rule or command that asked for it; else "".
        yes_mean, yes_mid: mean and mid of YES when it was decided.
        fee_multiplier: of the market's series, as the decision saw it.
        taken_off_at: when the venue listed it as cancelled though nothing of ours had asked for
            that and it had not expired; None for every other order.
    """

    client_order_id: str
    venue_order_id: str | None
    signal_id: str
    strategy: str | None
    market_ticker: str
    leg: str
    side: Side
    limit_price: int
    count: int
    fill_count: int
    exit_reason: str = ""
    yes_mean: Decimal | None = None
    yes_mid: Decimal | None = None
    fee_multiplier: Decimal | None = None
    taken_off_at: datetime | None = None


@dataclass(frozen=True)
class RuleExit:
    """A moment at which the exit rules found a reason to sell what the bot held, and the bid."""

    at: datetime
    price: int


@dataclass(frozen=True, kw_only=True)
class Books:
    """All that happened on an account up to a moment, in any order.

    Attributes:
        opened_at: when the books were opened; None where they are those of all time.
        held_at_opening: by market: contracts (+ YES, - NO) and what they cost.
        fills, settlements: since the opening.
        orders: ours.
        foreign_kinds: by the venue's order id, what is known of orders that are not ours.
        yes_values: by market that has a result, what one YES contract is worth.
        rule_exits: by market and side held: all that the bot holds of a market is sold as one.
    """

    opened_at: datetime | None = None
    held_at_opening: Mapping[str, tuple[int, int]]
    fills: Sequence[Fill]
    settlements: Sequence[Settlement]
    orders: Sequence[JournalOrder]
    foreign_kinds: Mapping[str, str]
    yes_values: Mapping[str, int]
    rule_exits: Mapping[tuple[str, Side], Sequence[RuleExit]]


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """What one signal, or one order by hand, bought, and how it ended. A row of `trade_journal`.

    Every micro of a fill's cash and fee is in exactly one trip; averages are rounded to a micro.

    Attributes:
        trip_id: the same however often the journal is written.
        count, closed_count: contracts bought, and those of them that are closed.
        entry_cost_micros: of all contracts bought, without fees.
        proceeds_micros: of those closed, without fees; closing by buying the other side at p
            brings 1 - p.
        exit_fees_micros: a settlement has none.
        closed_at: when the last contract was closed; None while some are open.
        closings: how it was closed, each way once, the first one first: `exit: REASON`, `hand`,
            `settlement: RESULT`, `entry` (a signal that bought the other side) or `unknown`.
        realized_micros: result of the closed contracts, net of their fees.
        open_value_micros: what the open contracts could be sold for, and where nothing trades any
            more what the account counts them; None: no price is known.
        mean_micros, mid_micros, limit_micros: at the decision and of its order; averages over what
            was bought; None where nothing of ours decided.
    """

    trip_id: str
    kind: TripKind
    strategy: str | None
    signal_id: str | None
    market_ticker: str
    side: Side
    count: int
    closed_count: int
    entry_cost_micros: int
    proceeds_micros: int
    entry_fees_micros: int
    exit_fees_micros: int
    opened_at: datetime
    closed_at: datetime | None
    closings: tuple[str, ...]
    realized_micros: int
    open_value_micros: int | None
    mean_micros: int | None
    mid_micros: int | None
    limit_micros: int | None
    entry_order_ids: tuple[str, ...]
    exit_order_ids: tuple[str, ...]

    @property
    def result_micros(self) -> int | None:
        """Return the result net of all fees, open contracts marked; None: they have no price."""
        if self.open_value_micros is None:
            return None
        paid = self.entry_cost_micros + self.entry_fees_micros + self.exit_fees_micros
        return self.proceeds_micros + self.open_value_micros - paid

    @property
    def holding_seconds(self) -> int | None:
        """Return the time from the first contract bought to the last one closed, cut to seconds."""
        if self.closed_at is None:
            return None
        return (self.closed_at - self.opened_at) // timedelta(seconds=1)

    @property
    def entry_price_micros(self) -> int:
        """Return what one contract cost on average."""
        return average(self.entry_cost_micros, self.count)

    @property
    def exit_price_micros(self) -> int | None:
        """Return what one contract brought on average; None before one is closed."""
        return average(self.proceeds_micros, self.closed_count) if self.closed_count else None

    @property
    def edge_micros(self) -> int | None:
        """Return by how much a contract was cheaper than its mean at the decision."""
        return None if self.mean_micros is None else self.mean_micros - self.entry_price_micros

    @property
    def slippage_mid_micros(self) -> int | None:
        """Return what a contract cost above the mid at the decision: half the spread, and more."""
        return None if self.mid_micros is None else self.entry_price_micros - self.mid_micros

    @property
    def slippage_limit_micros(self) -> int | None:
        """Return what a contract cost above its order's limit; never more than 0."""
        return None if self.limit_micros is None else self.entry_price_micros - self.limit_micros


@dataclass(frozen=True, kw_only=True)
class Override:
    """A hand that changed what the bot was doing, priced: what came, and what the rule would have.

    Both results are net of fees and of the same `count` contracts.

    Attributes:
        kind: `cancelled`: an entry was taken off the book before its time. `closed_early`: a
            position of the bot was sold. `doubled`: more of what the bot held was bought.
        trip_id: the bot's trip; None for an entry that bought nothing.
        order_id: of the entry that was cancelled, by our id; else of the order by hand, by the
            venue's.
        came_micros: 0 for what was never bought; None while it is open without a price.
        rule_micros: what was cancelled, filled at its limit with a taker's fee, or what was sold,
            held until an exit rule found a reason or until the settlement; 0 for what no rule had
            bought. None while neither is known.
    """

    kind: OverrideKind
    at: datetime
    market_ticker: str
    side: Side
    signal_id: str
    trip_id: str | None
    order_id: str
    count: int
    came_micros: int | None
    rule_micros: int | None

    @property
    def gain_micros(self) -> int | None:
        """Return what the hand brought against the rule; negative where the rule was better."""
        if self.came_micros is None or self.rule_micros is None:
            return None
        return self.came_micros - self.rule_micros


@dataclass(frozen=True)
class Journal:
    """Round trips in the order they were opened, overrides in the order they happened.

    Attributes:
        unassigned_micros: what settlements paid in markets where the books held nothing. It is 0
            where books and venue agree.
    """

    trips: tuple[RoundTrip, ...]
    overrides: tuple[Override, ...]
    unassigned_micros: int


def average(total_micros: int, count: int) -> int:
    """Return a price of one contract, micros, half a micro rounded up, for `count`."""
    return (200 * total_micros + count) // (2 * count)
