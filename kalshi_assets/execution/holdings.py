"""What our own orders hold: their fills, market by market, apart from what others bought there."""

from collections.abc import Iterable
from dataclasses import dataclass

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.execution.paper_account import Holding
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.own_fills import OwnFill, markets_missing_fills, own_fills


@dataclass(frozen=True)
class OwnHolding:
    """Contracts that orders of ours bought and have not sold; the newest entry is named.

    Attributes:
        count: centicontracts of the side held.
        entry_price: average, of the side held, without fees, micros.
    """

    market_ticker: str
    side: Side
    count: int
    entry_price: int
    signal_id: str
    strategy: str
    client_order_id: str


def own_holdings(connection: Connection) -> list[OwnHolding]:
    """Return what our fills in markets that are not settled add up to, by market.

    A market where fills are still to be told is left out: more would seem to be ours than is.
    """
    unclear = markets_missing_fills(connection)
    fills = [own for own in own_fills(connection) if own.fill.market_ticker not in unclear]
    by_market: dict[str, list[OwnFill]] = {}
    for fill in fills:
        by_market.setdefault(fill.fill.market_ticker, []).append(fill)
    found = (_holding(ticker, own) for ticker, own in sorted(by_market.items()))
    return [holding for holding in found if holding is not None]


def _holding(ticker: str, fills: Iterable[OwnFill]) -> OwnHolding | None:
    held, entry = Holding(), None
    for own in fills:
        held = held.after(own.fill)
        entry = own if own.leg == "entry" else entry
    if entry is None or not held.position:
        return None
    return OwnHolding(
        market_ticker=ticker,
        side="yes" if held.position > 0 else "no",
        count=abs(held.position),
        entry_price=held.cost_micros * CENTICONTRACTS // abs(held.position),
        signal_id=entry.signal_id,
        strategy=entry.strategy,
        client_order_id=entry.client_order_id,
    )
