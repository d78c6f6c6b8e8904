"""Order records: the row, and the reads and writes of it. No rule of the venue stands here."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from kalshi_assets.local_exchange.bulletin import OrderChanged
from kalshi_assets.local_exchange.matching import SelfTrade
from kalshi_assets.local_exchange.order_request import OrderRequest, new_id
from kalshi_assets.local_exchange.store import Row, Store
from kalshi_assets.local_exchange.tape import Side
from kalshi_assets.local_exchange.units import ONE_DOLLAR

OrderStatus = Literal["resting", "canceled", "executed"]


@dataclass(slots=True)
class Order:
    """One order as the venue remembers it, for ever.

    Attributes:
        seq: its place in the order of arrival; 0 until it is stored.
        reason: why it was cancelled, in the venue's words; empty otherwise.
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
    cancel_on_pause: bool
    expires_ms: int | None
    created_ms: int
    updated_ms: int
    taker_cost_micros: int = 0
    maker_cost_micros: int = 0
    taker_fees_micros: int = 0
    maker_fees_micros: int = 0
    fee_carry_micros: int = 0

    @property
    def outcome_price(self) -> int:
        """The price of the outcome the order buys: YES for a bid, NO for an ask."""
        return self.price if self.side == "bid" else ONE_DOLLAR - self.price

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
            cancel_on_pause=request.cancel_on_pause,
            expires_ms=request.expires_ms,
            created_ms=now_ms,
            updated_ms=now_ms,
        )

    def close(self, status: OrderStatus, *, reason: str, now_ms: int) -> int:
        """End the order; return how many contracts were still open."""
        left, self.remaining_count = self.remaining_count, 0
        self.status, self.reason, self.updated_ms = status, reason, now_ms
        return left


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
    """All orders of all accounts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, order: Order) -> None:
        """Store an order, new or changed."""
        values = asdict(order)
        row = [_plain(values[name]) for name in _COLUMNS]
        if order.seq:
            self._store.run(_UPDATE, *row, order.seq)
        else:
            self._store.run(_INSERT, *row)
            order.seq = self._store.number("select last_insert_rowid()")
        self._store.bulletin.publish(OrderChanged(replace(order)))

    def find(self, account: str, order_id: str) -> Order | None:
        """Return an account's order, None if it has no such order."""
        row = self._store.row(
            "select * from orders where account = ? and order_id = ?", account, order_id
        )
        return None if row is None else _order(row)

    def by_id(self, order_id: str) -> Order:
        """Return an order that must exist."""
        (row,) = self._store.rows("select * from orders where order_id = ?", order_id)
        return _order(row)

    def has_client_id(self, account: str, client_order_id: str) -> bool:
        """Tell whether an account ever used a client order id; it is never freed."""
        if not client_order_id:
            return False
        sql = "select 1 from orders where account = ? and client_order_id = ?"
        return self._store.row(sql, account, client_order_id) is not None

    def resting(self, ticker: str) -> list[Order]:
        """Return the resting orders of a market, oldest first."""
        sql = "select * from orders where ticker = ? and status = 'resting' order by seq"
        return [_order(row) for row in self._store.rows(sql, ticker)]

    def resting_of(self, account: str) -> list[Order]:
        """Return the resting orders of an account, oldest first."""
        sql = "select * from orders where account = ? and status = 'resting' order by seq"
        return [_order(row) for row in self._store.rows(sql, account)]

    def all_resting(self) -> list[Order]:
        """Return every resting order, oldest first."""
        sql = "select * from orders where status = 'resting' order by seq"
        return [_order(row) for row in self._store.rows(sql)]

    def resting_tickers(self) -> list[str]:
        """Return the markets with resting orders."""
        sql = "select distinct ticker from orders where status = 'resting' order by ticker"
        return [row["ticker"] for row in self._store.rows(sql)]

    def expiries(self, until_ms: int) -> list[tuple[int, str]]:
        """Return (moment, order id) of the resting orders that expire up to a moment."""
        sql = "select expires_ms, order_id from orders where status = 'resting' and expires_ms <= ?"
        return [(row["expires_ms"], row["order_id"]) for row in self._store.rows(sql, until_ms)]


def order_from_row(row: Row) -> Order:
    """Read an order's row."""
    return _order(row)


def _order(row: Row) -> Order:
    values: dict[str, Any] = dict(row)
    values["cancel_on_pause"] = bool(values["cancel_on_pause"])
    return Order(**values)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value
