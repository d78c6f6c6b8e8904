"""What is staked already, on event, category, shard and in all; and what a round uses up."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kalshi_assets.domain.market import TrackedMarket
from kalshi_assets.execution.known import Known, Stake, inputs_of
from kalshi_assets.risk.inputs import Activity, Inputs
from kalshi_assets.storage.ledger import Order
from kalshi_assets_tests.risk.cases import ACCOUNT, DOLLAR, MARKET, NOW, SIGNAL

EVENT, LEG, OTHER_LEG = MARKET.event_ticker, MARKET.ticker, f"{MARKET.event_ticker}-T0.4"
ELSEWHERE = "KXFED-26OCT-T3.75"
SPORTS, UNPLACED = "KXNBA-26OCT13-NYK", "KXNEW-26-A"
MARKETS = {
    LEG: MARKET,
    OTHER_LEG: replace(MARKET, ticker=OTHER_LEG),
    ELSEWHERE: replace(MARKET, ticker=ELSEWHERE, event_ticker="KXFED-26OCT", exchange_index=1),
    SPORTS: replace(MARKET, ticker=SPORTS, event_ticker="KXNBA-26OCT13"),
    UNPLACED: replace(MARKET, ticker=UNPLACED, event_ticker="KXNEW-26", exchange_index=None),
}
CATEGORIES = {SPORTS: "Sports", UNPLACED: None}
UNKNOWN = f"{EVENT}-T0.9"


def live_order(ticker: str) -> Order:
    """An order for 100 contracts at 0.40, 25 of them filled."""
    return Order(
        client_order_id="id",
        decision_id="decision",
        signal_id="signal",
        market_ticker=ticker,
        leg="entry",
        attempt=1,
        side="yes",
        limit_price=400_000,
        count=10_000,
        expires_at=NOW + timedelta(minutes=3),
        status="resting",
        reason="",
        venue_order_id="venue",
        fill_count=2_500,
        verdict_ids=[],
        created_at=NOW,
        updated_at=NOW,
        intent_wall_at=NOW,
        run_id="run",
    )


def judged(*approved: Stake, **changes: Any) -> Inputs:
    known = Known(
        markets={
            ticker: TrackedMarket(market, Decimal(1), CATEGORIES.get(ticker, "Economics"))
            for ticker, market in MARKETS.items()
        },
        quotes={},
        exchange=None,
        account=ACCOUNT,
        verdicts={},
        orders=[],
        live=[],
        trading_state="active",
        breaker="closed",
        arming="not needed",
        opening_value_micros=None,
        activity=Activity(orders_last_minute=1, orders_today=2, cost_today_micros=3 * DOLLAR),
        clock_offset_ms=0,
        disk_free_bytes=0,
    )
    return inputs_of(NOW, SIGNAL, replace(known, **changes), approved=approved)


def staked(*approved: Stake, **changes: Any) -> int | None:
    return judged(*approved, **changes).event_exposure_micros


def test_nothing_is_staked_on_an_event_without_positions_or_orders() -> None:
    assert staked() == 0


@pytest.mark.parametrize(
    ("ticker", "counts"),
    [
        (OTHER_LEG, True),
        (LEG, False),  # what is held of the market itself is another rule's
        (ELSEWHERE, False),
        (UNKNOWN, True),  # a position of a market we do not know, in this event
        (f"{EVENT}X-T0.4", False),
    ],
)
def test_positions_orders_and_approvals_of_other_legs_count(ticker: str, counts: bool) -> None:
    position = replace(ACCOUNT, exposures={ticker: 7 * DOLLAR})
    assert staked(account=position) == (7 * DOLLAR if counts else 0)
    assert staked(live=[live_order(ticker)]) == (30 * DOLLAR if counts else 0), "75 left at 0.40"
    assert staked((ticker, 5 * DOLLAR)) == (5 * DOLLAR if counts else 0)


def test_all_of_it_adds_up() -> None:
    position = replace(ACCOUNT, exposures={OTHER_LEG: 7 * DOLLAR})
    total = staked((OTHER_LEG, DOLLAR), account=position, live=[live_order(OTHER_LEG)])
    assert total == 38 * DOLLAR


@pytest.mark.parametrize("unknown", ["account", "live"])
def test_what_is_not_known_is_not_nothing(unknown: str) -> None:
    without = judged(**{unknown: None})
    assert without.event_exposure_micros is None
    assert without.category_exposure_micros is None
    assert without.shard_exposure_micros is None
    assert without.total_exposure_micros is None


@pytest.mark.parametrize(
    ("ticker", "of_category", "of_shard"),
    [
        (LEG, True, True),
        (OTHER_LEG, True, True),
        (ELSEWHERE, True, False),
        (SPORTS, False, True),
        (UNPLACED, True, True),  # neither category nor shard known: it may be any
        (UNKNOWN, True, True),
    ],
)
def test_a_stake_counts_where_it_belongs_or_may_belong(
    ticker: str, of_category: bool, of_shard: bool
) -> None:
    for inputs in (
        judged((ticker, 30 * DOLLAR)),
        judged(live=[live_order(ticker)]),
        judged(account=replace(ACCOUNT, exposures={ticker: 30 * DOLLAR})),
    ):
        assert inputs.category_exposure_micros == (30 * DOLLAR if of_category else 0)
        assert inputs.shard_exposure_micros == (30 * DOLLAR if of_shard else 0)
        assert inputs.total_exposure_micros == 30 * DOLLAR


def test_a_venue_that_tells_no_shards_has_one() -> None:
    paper = replace(ACCOUNT, shards={}, exposures={ELSEWHERE: 7 * DOLLAR})
    assert judged(account=paper).shard_exposure_micros == 7 * DOLLAR


def test_a_market_without_category_or_shard_has_no_known_exposure_there() -> None:
    bare = {LEG: TrackedMarket(replace(MARKET, exchange_index=None), Decimal(1))}
    inputs = judged(markets=bare)
    assert inputs.category_exposure_micros is None
    assert inputs.shard_exposure_micros is None
    assert inputs.total_exposure_micros == 0


def test_what_a_round_has_approved_is_spent_and_counted() -> None:
    account = replace(ACCOUNT, shards={0: 60 * DOLLAR, 1: 40 * DOLLAR})
    inputs = judged((SPORTS, 5 * DOLLAR), (ELSEWHERE, 7 * DOLLAR), account=account)
    assert inputs.account is not None
    assert inputs.account.cash_micros == ACCOUNT.cash_micros - 12 * DOLLAR
    assert inputs.account.shards == {0: 55 * DOLLAR, 1: 33 * DOLLAR}
    assert inputs.account.value_micros == ACCOUNT.value_micros
    assert inputs.activity == Activity(3, 4, 15 * DOLLAR)


def test_an_order_approved_in_this_round_is_as_good_as_live() -> None:
    assert judged().has_live_order is False
    assert judged((OTHER_LEG, DOLLAR)).has_live_order is False
    assert judged((LEG, DOLLAR)).has_live_order is True
    assert judged(live=[live_order(LEG)]).has_live_order is True
    assert judged((LEG, DOLLAR), live=None).has_live_order is None
