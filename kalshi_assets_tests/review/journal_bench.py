"""An account to trade on by hand and by bot: what it did is what the journal is made of."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.account import Fill, Settlement, Side
from kalshi_assets.domain.journal import Books, Journal, JournalOrder, RuleExit
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, centicontracts, micros
from kalshi_assets.review.round_trips import journal_of

OPENED = datetime.fromisoformat("2026-10-12T12:00:00+00:00")
MARKET = "KXCPI-26OCT-T0.3"
CENT = 10_000


@dataclass
class AccountBench:
    """Each step is a second after the one before; amounts are strings of dollars and contracts."""

    now: datetime = OPENED
    fills: list[Fill] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    orders: dict[str, JournalOrder] = field(default_factory=dict)
    held: dict[str, tuple[int, int]] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    yes_values: dict[str, int] = field(default_factory=dict)
    rule_exits: dict[tuple[str, Side], list[RuleExit]] = field(default_factory=dict)

    def bot(self, side: Side, price: str, count: str, *, fee: str = "0", **order: Any) -> None:
        """Fill an order of ours, whole; `order` says what it was, an entry of signal S else."""
        made = bot_order(len(self.fills), side=side, price=price, count=count, **order)
        self.orders[made.client_order_id] = made
        self.fill(made.venue_order_id or "", side, price, count, fee=fee)

    def hand(self, side: Side, price: str, count: str, *, fee: str = "0", order: str = "") -> str:
        """Fill an order by hand, and return the venue's id of it."""
        name = order or f"hand-{len(self.fills)}"
        self.others[name] = "manual"
        self.fill(name, side, price, count, fee=fee)
        return name

    def fill(self, order_id: str, side: Side, price: str, count: str, *, fee: str) -> None:
        """Add a fill; the price is that of the side bought."""
        bought = micros(price)
        self.now += timedelta(seconds=1)
        self.fills.append(
            Fill(
                fill_id=f"fill-{len(self.fills):04}",
                order_id=order_id,
                market_ticker=MARKET,
                side=side,
                count=centicontracts(count),
                yes_price=bought if side == "yes" else MICROS_PER_DOLLAR - bought,
                fee_micros=micros(fee),
                is_taker=True,
                filled_at=self.now,
            )
        )

    def settle(self, result: str, *, yes: str = "0", no: str = "0", revenue: str = "0") -> None:
        """Pay out the market."""
        self.now += timedelta(seconds=1)
        counts = {"yes_count": centicontracts(yes), "no_count": centicontracts(no)}
        self.settlements.append(
            Settlement(
                market_ticker=MARKET,
                settled_at=self.now,
                result=result,
                revenue_micros=micros(revenue),
                fee_micros=0,
                **counts,
            )
        )

    def books(self) -> Books:
        """Return what happened."""
        return Books(
            opened_at=OPENED,
            held_at_opening=self.held,
            fills=self.fills,
            settlements=self.settlements,
            orders=list(self.orders.values()),
            foreign_kinds=self.others,
            yes_values=self.yes_values,
            rule_exits=self.rule_exits,
        )

    def journal(self, *, sell_price: str | None = None) -> Journal:
        """Return the journal, open contracts marked at this price."""
        prices = {} if sell_price is None else {MARKET: micros(sell_price)}
        return journal_of(self.books(), sell_prices=prices)


def bot_order(
    number: int, *, side: Side, price: str, count: str, signal: str = "S", **changes: Any
) -> JournalOrder:
    """Return a filled order of ours, which was decided at a mean of 60 and a mid of 68.5 cents."""
    values: dict[str, Any] = {
        "client_order_id": f"ours-{number}",
        "venue_order_id": f"venue-{number}",
        "signal_id": signal,
        "strategy": "mean_reversion",
        "market_ticker": MARKET,
        "leg": "entry",
        "side": side,
        "limit_price": micros(price),
        "count": centicontracts(count),
        "fill_count": centicontracts(count),
        "yes_mean": Decimal(600_000),
        "yes_mid": Decimal(685_000),
        "fee_multiplier": Decimal(1),
    }
    return JournalOrder(**values | changes)
