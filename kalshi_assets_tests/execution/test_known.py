"""What is staked on an event already, before another leg of it is bought."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kalshi_assets.domain.market import TrackedMarket
from kalshi_assets.execution.known import Known, Stake, inputs_of
from kalshi_assets.storage.ledger import Order
from kalshi_assets_tests.risk.cases import ACCOUNT, DOLLAR, MARKET, NOW, SIGNAL

EVENT, LEG, OTHER_LEG = MARKET.event_ticker, MARKET.ticker, f"{MARKET.event_ticker}-T0.4"
ELSEWHERE = "KXFED-26OCT-T3.75"
MARKETS = {
    LEG: MARKET,
    OTHER_LEG: replace(MARKET, ticker=OTHER_LEG),
    ELSEWHERE: replace(MARKET, ticker=ELSEWHERE, event_ticker="KXFED-26OCT"),
}


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


def staked(*approved: Stake, **changes: Any) -> int | None:
    known = Known(
        markets={t: TrackedMarket(market, Decimal(1)) for t, market in MARKETS.items()},
        quotes={},
        exchange=None,
        account=ACCOUNT,
        verdicts={},
        orders=[],
        live=[],
        trading_state="active",
    )
    changed = replace(known, **changes)
    return inputs_of(NOW, SIGNAL, changed, approved=approved).event_exposure_micros


def test_nothing_is_staked_on_an_event_without_positions_or_orders() -> None:
    assert staked() == 0


@pytest.mark.parametrize(
    ("ticker", "counts"),
    [
        (OTHER_LEG, True),
        (LEG, False),  # what is held of the market itself is another rule's
        (ELSEWHERE, False),
        (f"{EVENT}-T0.9", True),  # a position of a market we do not know, in this event
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
    assert staked(**{unknown: None}) is None
