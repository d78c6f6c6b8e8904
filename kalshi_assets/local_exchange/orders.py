"""Order records: the row, and the reads and writes of it. No rule of the venue stands here."""

import uuid
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from kalshi_assets.local_exchange.bulletin import OrderChanged
from kalshi_assets.local_exchange.matching import SelfTrade
from kalshi_assets.local_exchange.order_request import OrderRequest
from kalshi_assets.local_exchange.store import Row, Store
from kalshi_assets.local_exchange.tape import Side
from kalshi_assets.local_exchange.units import ONE_DOLLAR

OrderStatus = Literal["resting", "canceled", "executed"]

VENUE_REASONS = frozenset(
    {
        "Decrease",
        "Amend",
        "MarginCancel",
        "SelfTradeCancel",
        "ExpiryCancel",
        "CloseCancel",
        "HaltCancel",
        "Trade",
        "PostOnlyCrossCancel",
        "ReduceOnlyCancel",
        "SettlementBoundsCancel",
    }
)
"""What the venue gives as `last_update_reason`; other reasons here are known to us alone."""


@dataclass(slots=True)
class Order:
    """One order as the venue remembers it, for ever.

    Attributes:
        seq: its place in the order of arrival; 0 until it is stored.
        reason: of its last change, in the venue's words or ours; empty while it only rests.
        queued_ms: since when it stands in the queue at its price.
        queue_no: its place there, rising with time over all orders; 0 until it is stored.
        fee_carry_micros: rounding fees collected and not yet given back.
    """

    seq: int
    order_id: str
    account: str
    client_order_id: str
    ticker: str
    side: Side
    price: int
    initial_count: int
    fill_count: int
    remaining_count: int
    status: OrderStatus
    reason: str
    time_in_force: str
    self_trade_prevention: SelfTrade
    post_only: bool
    cancel_on_pause: bool
    expires_ms: int | None
    created_ms: int
    updated_ms: int
    queued_ms: int
    queue_no: int = 0
    taker_cost_micros: int = 0
    maker_cost_micros: int = 0
    taker_fees_micros: int = 0
    maker_fees_micros: int = 0
    fee_carry_micros: int = 0

    @property
    def outcome_price(self) -> int:
        """The price of the outcome the order buys: YES for a bid, NO for an ask."""
        return self.price if self.side == "bid" else ONE_DOLLAR - self.price

    @property
    def last_update_reason(self) -> str:
        """The reason of the last change where the venue has a word for it, else empty."""
        return self.reason if self.reason in VENUE_REASONS else ""

    @classmethod
    def from_request(cls, request: OrderRequest, *, account: str, now_ms: int) -> "Order":
        """Make the record of an order that just arrived."""
        return cls(
            seq=0,
            order_id=new_id(),
            account=account,
            client_order_id=request.client_order_id,
            ticker=request.ticker,
            side=request.side,
            price=request.price,
            initial_count=request.count,
            fill_count=0,
            remaining_count=request.count,
            status="resting",
            reason="",
            time_in_force=request.time_in_force,
            self_trade_prevention=request.self_trade,
            post_only=request.post_only,
            cancel_on_pause=request.cancel_on_pause,
            expires_ms=request.expires_ms,
            created_ms=now_ms,
            updated_ms=now_ms,
            queued_ms=now_ms,
        )

    def leave_queue(self, now_ms: int) -> None:
        """Give the place in the queue up; saving puts the order at the end."""
        self.queued_ms, self.queue_no = now_ms, 0

    def close(self, status: OrderStatus, *, reason: str, now_ms: int) -> int:
        """End the order; return how many contracts were still open."""
        left, self.remaining_count = self.remaining_count, 0
        self.status, self.reason, self.updated_ms = status, reason, now_ms
        return left


def new_id() -> str:
    """Return a fresh order or trade id."""
    return str(uuid.uuid4())


_COLUMNS = [field.name for field in fields(Order) if field.name != "seq"]
_INSERT = (
    f"insert into orders ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of our own dataclass
    f"values ({', '.join('?' for _ in _COLUMNS)})"
)
_UPDATE = (
    f"update orders set {', '.join(f'{name} = ?' for name in _COLUMNS)} "  # noqa: S608 - as above
    "where seq = ?"
)


class Orders:
    """All orders of all accounts, as they truly stand; and as they stood, where it says so."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, order: Order) -> None:
        """Store an order, new or changed; a new one goes to the end of the queue."""
        if not order.queue_no:
            order.queue_no = self._store.number("select coalesce(max(queue_no), 0) + 1 from orders")
        values = asdict(order)
        row = [_plain(values[name]) for name in _COLUMNS]
        if order.seq:
            self._store.run(_UPDATE, *row, order.seq)
        else:
            self._store.run(_INSERT, *row)
            order.seq = self._store.number("select last_insert_rowid()")
            self.claim_client_id(order.account, order.client_order_id)
        self._store.bulletin.publish(OrderChanged(replace(order)))

    def find(self, account: str, order_id: str) -> Order | None:
        """Return an account's order, None if it has no such order."""
        row = self._store.row(
            "select * from orders where order_id = ? and account = ?", order_id, account
        )
        return None if row is None else order_from_row(row)

    def find_as_of(self, ms: int, account: str, *, order_id: str) -> Order | None:
        """Return an account's order as it stood at a moment, None if there was none."""
        table = self._store.as_of("orders")
        sql = f"select * from {table} where order_id = ? and account = ?"  # noqa: S608  ours
        row = self._store.row(sql, ms, order_id, account)
        return None if row is None else order_from_row(row)

    def by_id(self, order_id: str) -> Order:
        """Return an order that must exist."""
        (row,) = self._store.rows("select * from orders where order_id = ?", order_id)
        return order_from_row(row)

    def has_client_id(self, account: str, client_order_id: str) -> bool:
        """Tell whether an account ever used a client order id; it is never freed."""
        sql = "select 1 from client_order_ids where account = ? and client_order_id = ?"
        return self._store.row(sql, account, client_order_id) is not None

    def claim_client_id(self, account: str, client_order_id: str) -> None:
        """Note that an account has used a client order id; an empty one is none."""
        if client_order_id:
            sql = "insert into client_order_ids values (?, ?)"
            self._store.run(sql, account, client_order_id)

    def resting(self, ticker: str) -> list[Order]:
        """Return the resting orders of a market, first in the queue first."""
        return self._resting("ticker = ?", ticker)

    def resting_of(self, account: str) -> list[Order]:
        """Return the resting orders of an account, first in the queue first."""
        return self._resting("account = ?", account)

    def all_resting(self) -> list[Order]:
        """Return every resting order, first in the queue first."""
        return self._resting("true")

    def resting_tickers(self) -> list[str]:
        """Return the markets with resting orders."""
        sql = "select distinct ticker from orders where status = 'resting' order by ticker"
        return [row["ticker"] for row in self._store.rows(sql)]

    def expiries(self, until_ms: int) -> list[tuple[int, str]]:
        """Return (moment, order id) of the resting orders that expire up to a moment."""
        sql = "select expires_ms, order_id from orders where status = 'resting' and expires_ms <= ?"
        return [(row["expires_ms"], row["order_id"]) for row in self._store.rows(sql, until_ms)]

    def _resting(self, condition: str, *values: str) -> list[Order]:
        sql = f"select * from orders where status = 'resting' and {condition} order by queue_no"  # noqa: S608  literals only
        return [order_from_row(row) for row in self._store.rows(sql, *values)]


def order_from_row(row: Row) -> Order:
    """Read an order's row."""
    values: dict[str, Any] = dict(row)
    for flag in ("cancel_on_pause", "post_only"):
        values[flag] = bool(values[flag])
    return Order(**values)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value
