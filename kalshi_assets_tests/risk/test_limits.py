"""Each rule on its own: at its limit it passes, just beyond it refuses, and what is unknown too."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kalshi_assets.domain.market import ExchangeStatus, ShardStatus
from kalshi_assets.risk.common import COMMON
from kalshi_assets.risk.engine import judge
from kalshi_assets.risk.gate import Gate
from kalshi_assets.risk.inputs import Inputs
from kalshi_assets.risk.limits import OF_SIGNAL, deviation, verdict
from kalshi_assets.risk.order_limits import OF_ORDER
from kalshi_assets_tests.risk.cases import (
    CHECK,
    COST,
    DOLLAR,
    INPUTS,
    LIMITS,
    MARKET,
    NOW,
    SECOND,
    TICKER,
    with_account,
    with_activity,
    with_quote,
    with_signal,
    with_verdict,
)


def at(text: str) -> Inputs:
    return replace(INPUTS, now=datetime.fromisoformat(text))


def closing_in(**span: float) -> Inputs:
    return replace(INPUTS, market=replace(MARKET, close_at=NOW + timedelta(**span)))


def changed(**values: Any) -> Inputs:
    return replace(INPUTS, **values)


def waiting(micros: int) -> Inputs:
    """So much of the account's 5,000 dollars lies in markets where nothing can be sold."""
    return with_account(waiting_micros=micros)


SHARDS = (ShardStatus(0, True, True), ShardStatus(1, True, False), ShardStatus(2, False, True))


def sharded(shards: tuple[ShardStatus, ...], *, on: int | None) -> Inputs:
    """The market lies on a shard, and the exchange says how each of its shards is."""
    status = ExchangeStatus(True, True, shards=shards)
    return changed(exchange=status, market=replace(MARKET, exchange_index=on))


def staking(name: str, room: int) -> tuple[str, Inputs, Inputs]:
    """What is staked leaves just room for this trade, and a millionth of a dollar less."""
    field = f"{name}_micros"
    return name, changed(**{field: room - COST}), changed(**{field: room - COST + 1})


# NO is worth 0.49 and costs 0.32, the fee takes 1.5232 points of each of 298 contracts.
EDGE_MEAN = Decimal(INPUTS.signal.mean) + 144_767

# rule, an input at its limit that passes, one just beyond that does not
BOUNDS: list[tuple[str, Inputs, Inputs]] = [
    ("trading_state", INPUTS, changed(trading_state="halted")),
    ("armed", changed(arming="armed"), changed(arming="not armed")),
    ("breaker", INPUTS, changed(breaker="open")),
    ("breaker", INPUTS, changed(breaker="half_open")),
    ("exchange_open", INPUTS, changed(exchange=ExchangeStatus(True, False))),
    ("exchange_open", INPUTS, changed(exchange=ExchangeStatus(False, True))),
    ("shard_open", sharded(SHARDS, on=0), sharded(SHARDS, on=1)),
    ("shard_open", sharded(SHARDS, on=0), sharded(SHARDS, on=2)),
    ("shard_open", sharded(SHARDS[:1], on=None), sharded(SHARDS, on=None)),
    ("shard_open", sharded((), on=7), sharded(SHARDS, on=7)),
    ("trading_hours", at("2026-10-13T12:00:00Z"), at("2026-10-13T11:59:59Z")),
    ("trading_hours", at("2026-10-13T21:59:59Z"), at("2026-10-13T22:00:00Z")),
    ("trading_hours", at("2026-11-25T15:00:00Z"), at("2026-11-26T15:00:00Z")),
    ("clock", changed(clock_offset_ms=3_000), changed(clock_offset_ms=3_001)),
    ("clock", changed(clock_offset_ms=-3_000), changed(clock_offset_ms=-3_001)),
    ("disk", changed(disk_free_bytes=1 << 30), changed(disk_free_bytes=(1 << 30) - 1)),
    (
        "portfolio_known",
        with_account(as_of=NOW - 120 * SECOND),
        with_account(as_of=NOW - 121 * SECOND),
    ),
    (
        "portfolio_known",
        with_account(as_of=NOW + 120 * SECOND),
        with_account(as_of=NOW + 121 * SECOND),
    ),
    (
        "daily_loss",
        with_account(value_micros=4_750 * DOLLAR),
        with_account(value_micros=4_750 * DOLLAR - 1),
    ),
    (
        "orders_per_minute",
        with_activity(orders_last_minute=4),
        with_activity(orders_last_minute=5),
    ),
    ("orders_per_day", with_activity(orders_today=49), with_activity(orders_today=50)),
    ("market_active", INPUTS, with_quote(status="inactive")),
    (
        "signal_fresh",
        with_signal(last_seen_at=NOW - 180 * SECOND),
        with_signal(last_seen_at=NOW - 181 * SECOND),
    ),
    ("signal_fresh", INPUTS, with_signal(last_seen_at=NOW + SECOND)),
    ("deviation", with_signal(deviation=120_001), with_signal(deviation=120_000)),
    ("deviation", with_signal(deviation=-120_001), with_signal(deviation=-120_000)),
    ("coverage", with_signal(coverage=Decimal("0.6")), with_signal(coverage=Decimal("0.599999"))),
    ("volume", with_quote(volume_24h=50_001), with_quote(volume_24h=50_000)),
    ("spread", with_quote(yes_ask=780_000), with_quote(yes_ask=780_001)),
    ("spread", INPUTS, with_quote(yes_ask_size=0)),
    ("spread", INPUTS, with_quote(yes_bid_size=0)),
    ("time_to_close", closing_in(hours=4), closing_in(hours=4, seconds=-1)),
    (
        "existing_position",
        with_account(positions={"KXFED": 100, TICKER: 0}),
        with_account(positions={TICKER: 1}),
    ),
    ("existing_position", INPUTS, with_account(positions={TICKER: -1})),
    ("live_order", INPUTS, changed(has_live_order=True)),
    ("attempts", changed(attempts=2), changed(attempts=3)),
    ("attempts", changed(attempts=1), changed(attempts=1, has_bought=True)),
    ("price_known", INPUTS, with_quote(yes_bid_size=0)),
    ("price_known", INPUTS, with_quote(yes_bid=1_000_000)),
    ("price_moved", with_quote(yes_bid=660_000), with_quote(yes_bid=650_000)),
    ("edge", with_signal(mean=EDGE_MEAN), with_signal(mean=EDGE_MEAN + 1)),
    ("size", with_account(value_micros=17 * DOLLAR), with_account(value_micros=16 * DOLLAR)),
    # what waits for its result is worth something, and no order is a share of it
    ("size", waiting(4_983 * DOLLAR), waiting(4_984 * DOLLAR)),
    (
        "total_exposure",
        changed(total_exposure_micros=1_000 * DOLLAR),
        replace(waiting(3_000 * DOLLAR), total_exposure_micros=1_000 * DOLLAR),
    ),
    staking("event_exposure", 100 * DOLLAR),
    staking("category_exposure", 1_000 * DOLLAR),
    staking("shard_exposure", 2_000 * DOLLAR),
    staking("total_exposure", 2_500 * DOLLAR),
    ("shard_cash", with_account(shards={0: COST}), with_account(shards={0: COST - 1})),
    ("shard_cash", with_account(shards={}), with_account(shards={1: 5_000 * DOLLAR})),
    (
        "day_notional",
        with_activity(cost_today_micros=2_500 * DOLLAR - COST),
        with_activity(cost_today_micros=2_500 * DOLLAR - COST + 1),
    ),
]
UNKNOWN: list[tuple[str, Inputs]] = [
    ("trading_state", changed(trading_state=None)),
    ("armed", changed(arming=None)),
    ("breaker", changed(breaker=None)),
    ("exchange_open", changed(exchange=None)),
    ("shard_open", changed(exchange=None)),
    ("clock", changed(clock_offset_ms=None)),
    ("disk", changed(disk_free_bytes=None)),
    ("portfolio_known", changed(account=None)),
    ("portfolio_known", with_account(value_micros=None)),
    ("daily_loss", changed(account=None)),
    ("daily_loss", with_account(value_micros=None)),
    ("daily_loss", changed(opening_value_micros=None)),
    ("orders_per_minute", changed(activity=None)),
    ("orders_per_day", changed(activity=None)),
    ("market_active", changed(quote=None)),
    ("volume", changed(quote=None)),
    ("spread", changed(quote=None)),
    ("time_to_close", changed(market=None)),
    ("existing_position", changed(account=None)),
    ("live_order", changed(has_live_order=None)),
    ("attempts", changed(attempts=None)),
    ("attempts", changed(has_bought=None)),
    ("price_known", changed(quote=None)),
    ("price_known", changed(market=None)),
    ("price_moved", changed(quote=None)),
    ("edge", changed(quote=None)),
    ("edge", changed(fee_multiplier=None)),
    ("size", changed(fee_multiplier=None)),
    ("size", changed(account=None)),
    ("event_exposure", changed(event_exposure_micros=None)),
    ("event_exposure", changed(quote=None)),
    ("category_exposure", changed(category_exposure_micros=None)),
    ("shard_exposure", changed(shard_exposure_micros=None)),
    ("total_exposure", changed(total_exposure_micros=None)),
    ("shard_cash", changed(market=replace(MARKET, exchange_index=None))),
    ("shard_cash", changed(account=None)),
    ("order_usd", changed(fee_multiplier=None)),
    ("day_notional", changed(activity=None)),
]


def ask(name: str, inputs: Inputs) -> Gate:
    return judge(inputs, LIMITS).gate(name)


@pytest.mark.parametrize(("name", "good", "bad"), BOUNDS, ids=lambda v: v if v else "")
def test_a_rule_passes_at_its_limit_and_refuses_beyond(
    name: str, good: Inputs, bad: Inputs
) -> None:
    assert ask(name, good).is_passed
    refusal = ask(name, bad)
    assert not refusal.is_passed
    assert refusal.reason
    assert refusal.value
    assert refusal.limit


def test_no_order_costs_more_than_the_cap_whatever_its_share_is() -> None:
    for cap, is_passed in ((COST, True), (COST - 1, False)):
        decision = judge(INPUTS, replace(LIMITS, max_order_micros=cap))
        assert decision.gate("order_usd").is_passed is is_passed
        assert decision.count == 29_800, "refused, and never silently made smaller"


@pytest.mark.parametrize(("name", "inputs"), UNKNOWN)
def test_what_is_not_known_refuses(name: str, inputs: Inputs) -> None:
    gate = ask(name, inputs)
    assert (gate.is_passed, gate.value) == (False, "unknown")


def test_every_rule_has_bounds_here() -> None:
    rules = {rule.__name__ for rules in (COMMON, OF_SIGNAL, OF_ORDER) for rule in rules}
    assert {name for name, _, _ in BOUNDS} | {"order_usd"} == rules


def test_every_gate_is_asked_and_kept_whatever_the_others_say() -> None:
    asked = [gate.gate for gate in judge(INPUTS, LIMITS).gates]
    assert len(set(asked)) == len(asked)
    nothing_known = changed(quote=None, account=None, market=None, verdicts={}, exchange=None)
    assert [gate.gate for gate in judge(nothing_known, LIMITS).gates] == asked


def test_the_ledger_reads_value_and_limit_as_people_write_them() -> None:
    gate = deviation(with_signal(deviation=80_000), LIMITS)
    assert (gate.value, gate.limit) == ("8.00 points", "> 12 points")
    assert gate.reason == "deviation is 8.00 points, needed: > 12 points"


@pytest.mark.parametrize(
    ("name", "inputs", "reason"),
    [
        ("edge", INPUTS, ""),
        (
            "daily_loss",
            with_account(value_micros=4_700 * DOLLAR),
            "daily loss is 300.00 USD of 5000.00 USD, needed: <= 5 % of the day's opening value",
        ),
        (
            "daily_loss",
            with_account(value_micros=4_700 * DOLLAR, unmarked=("KXFED", "KXGDP")),
            "daily loss is 300.00 USD of 5000.00 USD (no bid is known of KXFED, KXGDP, not "
            "trading: counted as 0), needed: <= 5 % of the day's opening value",
        ),
        (
            "clock",
            changed(clock_offset_ms=-4_200),
            "clock is -4.2 s off, needed: <= 3 s off",
        ),
        (
            "category_exposure",
            changed(category_exposure_micros=950 * DOLLAR),
            "950.00 USD are staked on Economics already, with this trade 1049.90 USD, "
            "needed: <= 1000.00 USD",
        ),
        (
            "shard_cash",
            with_account(shards={0: 50 * DOLLAR}),
            "shard cash is 50.00 USD, needed: >= 99.90 USD",
        ),
    ],
)
def test_a_refusal_is_a_sentence_with_value_and_limit(
    name: str, inputs: Inputs, reason: str
) -> None:
    assert ask(name, inputs).reason == reason


def test_the_edge_is_the_way_back_less_price_and_fee() -> None:
    assert ask("edge", INPUTS).value == "15.48 points", "49 - 32 - 1.52"
    yes = with_signal(side="yes", mean=Decimal(900_000), reference_price=700_000)
    assert ask("edge", yes).value == "18.53 points", "90 - 70 - 1.47"


@pytest.mark.parametrize(
    ("inputs", "value"),
    [
        (replace(INPUTS, verdicts={}), "no verdict"),
        (with_verdict(as_of=NOW - 181 * SECOND), "verdict 181 s old"),
        (with_verdict(as_of=NOW + 6 * SECOND), "verdict -6 s old"),
        (with_verdict(is_passed=False, observed="4 of 5 markets bad"), "feed: 4 of 5 markets bad"),
        (with_verdict(markets_failed={TICKER: "quote_age_seconds 400"}), "quote_age_seconds 400"),
        (with_verdict(markets_checked=frozenset({"KXFED"})), "market not checked"),
    ],
)
def test_a_market_is_refused_without_a_fresh_passing_verdict_on_it(
    inputs: Inputs, value: str
) -> None:
    gate = verdict(CHECK)(inputs, LIMITS)
    assert (gate.is_passed, gate.gate, gate.value) == (False, CHECK, value)


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS,
        with_verdict(as_of=NOW - 180 * SECOND),
        with_verdict(as_of=NOW + 5 * SECOND),
        with_verdict(markets_failed={"KXFED": "quote_age_seconds 400"}),
    ],
)
def test_another_markets_failure_does_not_refuse_this_one(inputs: Inputs) -> None:
    assert verdict(CHECK)(inputs, LIMITS).is_passed


def test_an_account_worth_nothing_is_known_all_the_same() -> None:
    assert ask("portfolio_known", with_account(value_micros=0)).is_passed


def test_a_second_leg_fits_where_an_event_may_hold_two_trades() -> None:
    two = replace(LIMITS, max_event_pct=Decimal(4))
    full = changed(event_exposure_micros=100 * DOLLAR)
    assert judge(full, two).gate("event_exposure").is_passed
    refusal = judge(full, LIMITS).gate("event_exposure")
    assert refusal.reason == (
        "100.00 USD are staked on KXCPI-26OCT already, with this trade 199.90 USD, "
        "needed: <= 100.00 USD"
    )
