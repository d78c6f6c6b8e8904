"""A small account on a small exchange, kept in plain books: what the engine is judged against.

Nothing here is taken from the engine: what is staked, spent and lost is added up anew from orders,
positions and cash.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.domain.market import Market, Quote, TrackedMarket
from kalshi_assets.domain.signal import Signal
from kalshi_assets.execution.known import Known, Stake
from kalshi_assets.risk.inputs import AccountView, Activity, ExitInputs
from kalshi_assets.storage.ledger import Order
from kalshi_assets_tests.risk.cases import (
    CHECK,
    DOLLAR,
    INPUTS,
    LIMITS,
    LINEAR,
    NOW,
    QUOTE,
    SIGNAL,
    VERDICT,
)

CENT = 10_000
# Ticker: event, category, shard.
PLACES = {
    "CPI-A": ("CPI", "Economics", 0),
    "CPI-B": ("CPI", "Economics", 0),
    "FED-A": ("FED", "Economics", 1),
    "GDP-A": ("GDP", "Economics", 1),
    "NBA-A": ("NBA", "Sports", 0),
    "NBA-B": ("NBA", "Sports", 0),
    "NFL-A": ("NFL", "Sports", 1),
    "OSC-A": ("OSC", "Culture", 0),
    "OSC-B": ("OSC", "Culture", 0),
    "EMM-A": ("EMM", "Culture", 1),
}
# Wide for one trade and narrow for all, so that a few trades meet every cap.
TIGHT = replace(
    LIMITS,
    max_trade_pct=Decimal(6),
    max_event_pct=Decimal(10),
    max_category_pct=Decimal(15),
    max_shard_pct=Decimal(17),
    max_total_pct=Decimal(26),
    max_daily_loss_pct=Decimal(2),
    max_order_micros=303 * DOLLAR,
    max_day_notional_micros=1_230 * DOLLAR,
    max_orders_per_minute=3,
    max_orders_per_day=4,
)


@dataclass
class Lot:
    """What is held in a market: the side, centicontracts, and what they cost without fees."""

    side: Side
    count: int
    paid: int


@dataclass
class Sent:
    """An order as it was sent; it is live until all is filled or it is ended."""

    ticker: str
    side: Side
    price: int
    count: int
    at: datetime
    filled: int = 0
    is_live: bool = True

    @property
    def cost(self) -> int:
        return cost_to_buy(self.count, self.price, multiplier=Decimal(1))

    @property
    def promised(self) -> int:
        return (self.count - self.filled) * self.price // 100 if self.is_live else 0


@dataclass
class World:
    """The books, and the ways they move."""

    now: datetime = NOW
    cash: dict[int, int] = field(default_factory=lambda: {0: 4_300 * DOLLAR, 1: 700 * DOLLAR})
    mids: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PLACES, 50 * CENT))
    lots: dict[str, Lot] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    opening: int = 5_000 * DOLLAR
    trading_state: str = "active"
    is_feed_good: bool = True

    @property
    def value(self) -> int:
        """Cash, and what is held at the bid it could be sold at."""
        bids = ((lot.count, self.bid(ticker, lot.side)) for ticker, lot in self.lots.items())
        return sum(self.cash.values()) + sum(count * bid // 100 for count, bid in bids)

    @property
    def live(self) -> list[Sent]:
        return [order for order in self.sent if order.is_live]

    def ask(self, ticker: str, side: Side) -> int:
        return (self.mids[ticker] if side == "yes" else DOLLAR - self.mids[ticker]) + CENT

    def bid(self, ticker: str, side: Side) -> int:
        return self.ask(ticker, side) - 2 * CENT

    def stakes(self) -> dict[str, int]:
        """What is at stake in each market, in positions and live orders."""
        staked = dict.fromkeys(PLACES, 0)
        for ticker, lot in self.lots.items():
            staked[ticker] += lot.paid
        for order in self.live:
            staked[order.ticker] += order.promised
        return staked

    def free_cash(self, shard: int) -> int:
        promised = sum(o.promised for o in self.live if PLACES[o.ticker][2] == shard)
        return self.cash[shard] - promised

    def orders_since(self, start: datetime) -> list[Sent]:
        return [order for order in self.sent if order.at > start]

    def orders_today(self) -> list[Sent]:
        return [order for order in self.sent if venue_day(order.at) == venue_day(self.now)]

    def place(self, ticker: str, side: Side, *, price: int, count: int) -> None:
        self.sent.append(Sent(ticker, side, price, count, self.now))

    def fill(self, order: Sent, count: int) -> None:
        paid = count * order.price // 100
        self.cash[PLACES[order.ticker][2]] -= cost_to_buy(count, order.price, multiplier=Decimal(1))
        lot = self.lots.setdefault(order.ticker, Lot(order.side, 0, 0))
        lot.count, lot.paid = lot.count + count, lot.paid + paid
        order.filled += count
        order.is_live = order.filled < order.count

    def sell(self, ticker: str, count: int) -> None:
        lot = self.lots[ticker]
        self.cash[PLACES[ticker][2]] += count * self.bid(ticker, lot.side) // 100
        lot.paid -= lot.paid * count // lot.count
        lot.count -= count
        if not lot.count:
            del self.lots[ticker]

    def settle(self, ticker: str, result: Side) -> None:
        """Pay a market out; what was live in it is gone, and the next one of its name opens."""
        lot = self.lots.pop(ticker, None)
        if lot is not None and lot.side == result:
            self.cash[PLACES[ticker][2]] += lot.count * DOLLAR // 100
        for order in self.live:
            order.is_live = order.is_live and order.ticker != ticker
        self.mids[ticker] = 50 * CENT

    def wait(self, span: timedelta) -> None:
        """Let time pass; at midnight in New York the day opens with what the account is worth."""
        day = venue_day(self.now)
        self.now += span
        if venue_day(self.now) != day:
            self.opening = self.value


def signal_of(world: World, ticker: str, side: Side, *, points: int, drift: int) -> Signal:
    """A signal seen now: so far off its average, made while the ask was `drift` cheaper."""
    off = points * CENT * (1 if side == "no" else -1)
    return replace(
        SIGNAL,
        market_ticker=ticker,
        side=side,
        last_seen_at=world.now,
        deviation=off,
        mid=world.mids[ticker],
        mean=Decimal(world.mids[ticker] - off),
        reference_price=world.ask(ticker, side) - drift,
    )


def known_of(world: World) -> Known:
    """What a round would know of this world."""
    return Known(
        markets={ticker: _tracked(world, ticker) for ticker in PLACES},
        quotes={ticker: quote_of(world, ticker) for ticker in PLACES},
        exchange=INPUTS.exchange,
        account=_account(world),
        verdicts={
            CHECK: replace(
                VERDICT,
                as_of=world.now,
                is_passed=world.is_feed_good,
                markets_checked=frozenset(PLACES),
            )
        },
        orders=[],
        live=[_order(order) for order in world.live],
        trading_state=world.trading_state,
        breaker="closed",
        arming="not needed",
        opening_value_micros=world.opening,
        activity=Activity(
            orders_last_minute=len(world.orders_since(world.now - timedelta(minutes=1))),
            orders_today=len(world.orders_today()),
            cost_today_micros=sum(order.cost for order in world.orders_today()),
        ),
        clock_offset_ms=0,
        disk_free_bytes=10 << 30,
    )


def exit_of(world: World, ticker: str, count: int) -> ExitInputs:
    """Selling some of what is held."""
    lot = world.lots[ticker]
    return ExitInputs(
        now=world.now,
        market_ticker=ticker,
        side=lot.side,
        count=count,
        position=lot.count if lot.side == "yes" else -lot.count,
        own_count=lot.count,
        quote=quote_of(world, ticker),
        exchange=INPUTS.exchange,
        exchange_index=PLACES[ticker][2],
        arming="not needed",
    )


def quote_of(world: World, ticker: str) -> Quote:
    return replace(
        QUOTE,
        market_ticker=ticker,
        yes_bid=world.bid(ticker, "yes"),
        yes_ask=world.ask(ticker, "yes"),
        quoted_at=world.now,
    )


def added_up(stakes: Sequence[Stake]) -> int:
    return sum(stake for _, stake in stakes)


def _tracked(world: World, ticker: str) -> TrackedMarket:
    event, category, shard = PLACES[ticker]
    market = Market(
        ticker=ticker,
        event_ticker=event,
        title=ticker,
        status="active",
        open_at=world.now - timedelta(days=1),
        close_at=world.now + timedelta(days=1),
        grid=LINEAR,
        result="",
        exchange_index=shard,
    )
    return TrackedMarket(market, Decimal(1), category)


def _account(world: World) -> AccountView:
    free = {shard: world.free_cash(shard) for shard in world.cash}
    return AccountView(
        as_of=world.now,
        cash_micros=sum(free.values()),
        value_micros=world.value,
        positions={
            ticker: lot.count if lot.side == "yes" else -lot.count
            for ticker, lot in world.lots.items()
        },
        exposures={ticker: lot.paid for ticker, lot in world.lots.items()},
        shards=free,
    )


def _order(order: Sent) -> Order:
    return Order(
        client_order_id="id",
        decision_id="decision",
        signal_id="signal",
        market_ticker=order.ticker,
        leg="entry",
        attempt=1,
        side=order.side,
        limit_price=order.price,
        count=order.count,
        expires_at=order.at,
        status="resting",
        reason="",
        venue_order_id="venue",
        fill_count=order.filled,
        verdict_ids=[],
        created_at=order.at,
        updated_at=order.at,
        intent_wall_at=order.at,
        run_id="run",
    )
