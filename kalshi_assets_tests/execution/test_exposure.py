"""Stakes that were added up say of each market what a look at every single stake says."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.market import TrackedMarket
from kalshi_assets.execution.exposure import Exposure, Stake, added_up, exposure_of
from kalshi_assets_tests.risk.cases import MARKET

EVENTS = ("KXA-26", "KXA-26X", "KXB-26")
PLACES = [
    (f"{event}-T{leg}", event, shard, category)
    for event, shard, category in zip(EVENTS, (0, None, 1), ("A", "B", None), strict=True)
    for leg in (1, 2)
]
MARKETS = {
    ticker: TrackedMarket(
        replace(MARKET, ticker=ticker, event_ticker=event, exchange_index=shard),
        Decimal(1),
        category,
    )
    for ticker, event, shard, category in PLACES
}
UNKNOWN = ("KXA-26-T9", "KXA-26X-T9", "KXC-26-T1")
STAKES = st.lists(st.tuples(st.sampled_from((*MARKETS, *UNKNOWN)), st.integers(0, 99)), max_size=12)


def one_by_one(about: TrackedMarket, stakes: list[Stake], *, has_shards: bool) -> Exposure:
    """Return what is staked around a market, asking of each stake where it counts."""
    own, index = about.market, about.market.exchange_index
    event, category, shard, total = 0, 0, 0, 0
    for ticker, stake in stakes:
        leg = MARKETS.get(ticker)
        of_event = (
            ticker.startswith(f"{own.event_ticker}-")
            if leg is None
            else leg.market.event_ticker == own.event_ticker
        )
        event += stake if of_event and ticker != own.ticker else 0
        category += stake if leg is None or leg.category in (None, about.category) else 0
        shard += stake if leg is None or leg.market.exchange_index in (None, index) else 0
        total += stake
    return Exposure(
        event=event,
        category=None if about.category is None else category,
        shard=total if not has_shards else None if index is None else shard,
        total=total,
    )


@given(
    held=STAKES,
    approved=STAKES,
    ticker=st.sampled_from(list(MARKETS)),
    has_shards=st.booleans(),
)
def test_added_up_they_say_what_each_stake_says(
    held: list[Stake], approved: list[Stake], ticker: str, has_shards: bool
) -> None:
    parts = [added_up(held, MARKETS), added_up(approved, MARKETS)]
    found = exposure_of(MARKETS[ticker], parts, has_shards=has_shards)
    assert found == one_by_one(MARKETS[ticker], held + approved, has_shards=has_shards)


def test_of_a_market_that_is_not_known_only_the_total_is() -> None:
    parts = [added_up([("KXA-26-T1", 5), ("KXC-26-T1", 2)], MARKETS)]
    assert exposure_of(None, parts, has_shards=True) == Exposure(total=7)
    assert exposure_of(None, None, has_shards=True) == Exposure()
