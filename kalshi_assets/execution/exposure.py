"""What is staked already: on a market's event, its category, its shard, and in all.

A stake on a market that we do not know, or whose category or shard we do not know, counts wherever
it might belong: too much is refused rather than too little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kalshi_assets.domain.market import Market, TrackedMarket
from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.storage.ledger import Order

# A market's ticker, and what is at stake in it, micros.
Stake = tuple[str, int]


@dataclass(frozen=True)
class Exposure:
    """What is staked, micros; None where not known."""

    event: int | None = None
    category: int | None = None
    shard: int | None = None
    total: int | None = None


def committed(order: Order) -> int:
    """Return what an order may still cost, micros."""
    return (order.count - order.fill_count) * order.limit_price // CENTICONTRACTS


def exposure_of(
    tracked: TrackedMarket | None,
    stakes: Sequence[Stake] | None,
    *,
    markets: Mapping[str, TrackedMarket],
    has_shards: bool,
) -> Exposure:
    """Return what is staked around a market.

    Args:
        tracked: the market.
        stakes: positions, live orders and approvals; None where not known.
        markets: every market known, by ticker.
        has_shards: whether the venue tells shards; one that does not has one.
    """
    if stakes is None:
        return Exposure()
    total = sum(stake for _, stake in stakes)
    if tracked is None:
        return Exposure(total=total)
    event, category, shard, index = 0, 0, 0, tracked.market.exchange_index
    for ticker, stake in stakes:
        leg = markets.get(ticker)
        event += stake if _is_other_leg(ticker, leg, tracked.market) else 0
        category += stake if leg is None or leg.category in (None, tracked.category) else 0
        shard += stake if leg is None or leg.market.exchange_index in (None, index) else 0
    return Exposure(
        event=event,
        category=None if tracked.category is None else category,
        shard=total if not has_shards else None if index is None else shard,
        total=total,
    )


def _is_other_leg(ticker: str, leg: TrackedMarket | None, market: Market) -> bool:
    if ticker == market.ticker:
        return False
    if leg is None:
        return ticker.startswith(f"{market.event_ticker}-")
    return leg.market.event_ticker == market.event_ticker
