"""What changed for accounts and in trading, told to listeners once it is on disk.

The store publishes here inside a transaction; listeners hear of it after the commit, in the order
it happened, and never of anything that was rolled back. What the tape alone does (quotes, trades
between strangers, a market's life) is not published: whoever wants it asks the tape.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalshi_assets.local_exchange.tape import Side, TapeTrade

if TYPE_CHECKING:
    from kalshi_assets.local_exchange.ledger import Position
    from kalshi_assets.local_exchange.orders import Order


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order as it stands after a change; `order` is a copy of its own."""

    order: "Order"


@dataclass(frozen=True, slots=True)
class Filled:
    """A fill of one account's order.

    Attributes:
        position_after: the account's net position in the market after the fill, + YES, - NO.
    """

    account: str
    order_id: str
    client_order_id: str
    trade_id: str
    ticker: str
    side: Side
    price: int
    count: int
    is_taker: bool
    fee_micros: int
    position_after: int
    filled_ms: int


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """An account's position in a market after a change; a copy of its own."""

    position: "Position"


@dataclass(frozen=True, slots=True)
class Traded:
    """A public trade that an order of an account took part in."""

    trade: TapeTrade


Event = OrderChanged | Filled | PositionChanged | Traded
Listener = Callable[[Event], None]


class Bulletin:
    """Holds back what a transaction publishes until it is committed."""

    def __init__(self) -> None:
        self._pending: list[Event] = []
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell a listener of every event from now on."""
        self._listeners.append(listener)

    def publish(self, event: Event) -> None:
        """Note an event; it goes out with the commit."""
        self._pending.append(event)

    def mark(self) -> int:
        """Return the place to cut back to if what follows is undone."""
        return len(self._pending)

    def cut(self, mark: int) -> None:
        """Forget what was published after a mark."""
        del self._pending[mark:]

    def release(self) -> None:
        """Tell the listeners everything noted so far."""
        events, self._pending = self._pending, []
        for event in events:
            for listener in self._listeners:
                listener(event)
