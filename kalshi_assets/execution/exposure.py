"""What is staked already: on a market's event, its category, its shard, and in all.

A stake on a market that we do not know, or whose category or shard we do not know, counts wherever
it might belong: too much is refused rather than too little.
"""

from collections import Counter
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


@dataclass(frozen=True)
class Staked:
    """Stakes added up once, micros, so that a look at one market costs the same for any number.

    Attributes:
        by_market: of known markets.
        by_event: of known markets.
        by_category: under None what may belong to any.
        by_shard: under None what may lie on any.
        unknown: stakes on markets that we do not know.
    """

    total: int
    by_market: Counter[str]
    by_event: Counter[str]
    by_category: Counter[str | None]
    by_shard: Counter[int | None]
    unknown: Sequence[Stake]

    def on_other_legs(self, market: Market) -> int:
        """Return what is staked on the market's event, but not on the market itself."""
        leg = f"{market.event_ticker}-"
        unknown = (s for t, s in self.unknown if t.startswith(leg) and t != market.ticker)
        known = self.by_event[market.event_ticker] - self.by_market[market.ticker]
        return known + sum(unknown)


def added_up(stakes: Sequence[Stake], markets: Mapping[str, TrackedMarket]) -> Staked:
    """Add stakes up; `markets` are all of theirs that are known, by ticker."""
    by_market, by_event = Counter[str](), Counter[str]()
    by_category, by_shard = Counter[str | None](), Counter[int | None]()
    unknown = []
    for ticker, stake in stakes:
        leg = markets.get(ticker)
        by_category[None if leg is None else leg.category] += stake
        by_shard[None if leg is None else leg.market.exchange_index] += stake
        if leg is None:
            unknown.append((ticker, stake))
        else:
            by_market[ticker] += stake
            by_event[leg.market.event_ticker] += stake
    total = sum(stake for _, stake in stakes)
    return Staked(total, by_market, by_event, by_category, by_shard, unknown)


def exposure_of(
    tracked: TrackedMarket | None, staked: Sequence[Staked] | None, *, has_shards: bool
) -> Exposure:
    """Return what is staked around a market.

    Args:
        tracked: the market, one of those that are known.
        staked: positions, live orders and approvals; None where not known.
        has_shards: whether the venue tells shards; one that does not has one.
    """
    if staked is None:
        return Exposure()
    total = sum(part.total for part in staked)
    if tracked is None:
        return Exposure(total=total)
    category, index = tracked.category, tracked.market.exchange_index
    in_category = sum(part.by_category[category] + part.by_category[None] for part in staked)
    on_shard = sum(part.by_shard[index] + part.by_shard[None] for part in staked)
    return Exposure(
        event=sum(part.on_other_legs(tracked.market) for part in staked),
        category=None if category is None else in_category,
        shard=total if not has_shards else None if index is None else on_shard,
        total=total,
    )
