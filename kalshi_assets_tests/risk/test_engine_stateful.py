"""The engine over a whole life of an account: signals, fills, losses, settlements, midnights.

What must hold is said of **the moment of approval**: with the order added, and everything approved
before it in the same round, no cap is exceeded. What comes after may be otherwise: prices move, and
what was 15 % of the account yesterday may be more of it today, without any order.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.execution.known import Stake, inputs_of
from kalshi_assets.risk.engine import RiskDecision, judge, judge_exit
from kalshi_assets.risk.inputs import Inputs
from kalshi_assets_tests.risk.cases import NOW
from kalshi_assets_tests.risk.world import (
    CENT,
    PLACES,
    TIGHT,
    World,
    added_up,
    exit_of,
    known_of,
    signal_of,
)

SIDES: st.SearchStrategy[Side] = st.sampled_from(["yes", "no"])
# Everything that may be unknown, by the name of the field.
MAY_BE_UNKNOWN = (
    "exchange",
    "account",
    "trading_state",
    "breaker",
    "arming",
    "opening_value_micros",
    "activity",
    "clock_offset_ms",
    "disk_free_bytes",
    "market",
    "fee_multiplier",
    "quote",
    "has_live_order",
    "event_exposure_micros",
    "category_exposure_micros",
    "shard_exposure_micros",
    "total_exposure_micros",
    "attempts",
)
tickers = st.sampled_from(sorted(PLACES))
# Mostly far enough off, and mostly priced as when the signal was made.
wanted = st.tuples(
    tickers,
    SIDES,
    st.sampled_from([20, 20, 20, 20, 12, 5]),
    st.sampled_from([0, 0, 0, CENT, 3 * CENT]),
)


class AccountLife(RuleBasedStateMachine):
    """One account, from Tuesday 10:30 in New York on."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(
        seconds=st.sampled_from([1, 61, 61, 90]), signals=st.lists(wanted, min_size=1, max_size=5)
    )
    def judge_a_round(self, seconds: int, signals: list[tuple[str, Side, int, int]]) -> None:
        """Signals are judged one after the other, and what is approved is sent."""
        self.world.wait(timedelta(seconds=seconds))
        world, approved = self.world, list[Stake]()
        known, to_place = known_of(world), list[tuple[Inputs, RiskDecision]]()
        for ticker, side, points, drift in signals:
            signal = signal_of(world, ticker, side, points=points, drift=drift)
            inputs = inputs_of(world.now, signal, known, approved=approved)
            decision = judge(inputs, TIGHT)
            if not decision.is_approved:
                assert decision.refused_by, "a refusal has a reason"
                continue
            self.must_fit(inputs, decision, approved)
            self.must_need_every_input(inputs)
            approved.append((ticker, decision.cost_micros or 0))
            to_place.append((inputs, decision))
        for inputs, decision in to_place:
            ticker, side = inputs.signal.market_ticker, inputs.signal.side
            assert decision.limit_price is not None
            assert decision.count is not None
            world.place(ticker, side, price=decision.limit_price, count=decision.count)

    def must_fit(self, inputs: Inputs, decision: RiskDecision, approved: Sequence[Stake]) -> None:
        """Nothing exceeds its limit at this moment, this order and the round's others included."""
        world, ticker, value = self.world, inputs.signal.market_ticker, self.world.value
        assert decision.limit_price is not None
        assert decision.count is not None
        price, count = decision.limit_price, decision.count
        cost = cost_to_buy(count, price, multiplier=Decimal(1))
        event_ticker, category, shard = PLACES[ticker]
        before = world.stakes()
        for name, stake in approved:
            before[name] += stake
        staked = {**before, ticker: before[ticker] + cost}

        def share(place: int, name: str | int) -> int:
            return 100 * sum(s for t, s in staked.items() if PLACES[t][place] == name)

        assert before[ticker] == 0, "nothing held, ordered or approved in this market before"
        assert count % 100 == 0
        assert price <= world.ask(ticker, inputs.signal.side)
        assert 100 * cost <= TIGHT.max_trade_pct * value
        assert share(0, event_ticker) <= TIGHT.max_event_pct * value
        assert share(1, category) <= TIGHT.max_category_pct * value
        assert share(2, shard) <= TIGHT.max_shard_pct * value
        assert 100 * sum(staked.values()) <= TIGHT.max_total_pct * value
        on_shard = added_up([s for s in approved if PLACES[s[0]][2] == shard])
        assert cost + on_shard <= world.free_cash(shard)
        assert cost <= TIGHT.max_order_micros
        ordered = world.orders_today()
        spent = sum(order.cost for order in ordered) + added_up(approved) + cost
        assert spent <= TIGHT.max_day_notional_micros
        assert len(ordered) + len(approved) + 1 <= TIGHT.max_orders_per_day
        minute = world.orders_since(world.now - timedelta(minutes=1))
        assert len(minute) + len(approved) + 1 <= TIGHT.max_orders_per_minute
        assert 100 * (world.opening - value) <= TIGHT.max_daily_loss_pct * world.opening
        assert world.trading_state == "active"
        assert world.is_feed_good

    def must_need_every_input(self, inputs: Inputs) -> None:
        """Take away any one thing that is known, and there is no order."""
        for name in MAY_BE_UNKNOWN:
            without: dict[str, Any] = {name: None}
            assert not judge(replace(inputs, **without), TIGHT).is_approved, name
        assert inputs.account is not None
        assert inputs.market is not None
        worthless = replace(inputs.account, value_micros=None)
        nowhere = replace(inputs.market, exchange_index=None)
        assert not judge(replace(inputs, account=worthless), TIGHT).is_approved
        assert not judge(replace(inputs, market=nowhere), TIGHT).is_approved
        assert not judge(replace(inputs, verdicts={}), TIGHT).is_approved

    @precondition(lambda self: self.world.live)
    @rule(data=st.data(), percent=st.sampled_from([100, 100, 50, 1]))
    def fill(self, data: st.DataObject, percent: int) -> None:
        """Somebody takes an order, or a part of it."""
        order = data.draw(st.sampled_from(self.world.live))
        left = order.count - order.filled
        self.world.fill(order, max(1, left * percent // 100))

    @precondition(lambda self: self.world.live)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """An order is rejected, cancelled, or expires; it was sent all the same."""
        data.draw(st.sampled_from(self.world.live)).is_live = False

    @rule(ticker=tickers, mid=st.integers(10, 90))
    def move(self, ticker: str, mid: int) -> None:
        """A price moves, and with it what the account is worth."""
        self.world.mids[ticker] = mid * CENT

    @precondition(lambda self: self.world.lots)
    @rule(data=st.data(), result=SIDES)
    def settle(self, data: st.DataObject, result: Side) -> None:
        """A market in which something is held pays out."""
        self.world.settle(data.draw(st.sampled_from(sorted(self.world.lots))), result)

    @rule(seconds=st.sampled_from([1, 20, 59, 60, 61, 600, 600, 3_600, 50_400]))
    def wait(self, seconds: int) -> None:
        """Time passes, now and then a midnight."""
        self.world.wait(timedelta(seconds=seconds))

    @rule()
    def wait_until_tomorrow(self) -> None:
        """The next day at 10:30: everything is well again, and the day's counts begin anew."""
        since = (self.world.now - NOW) % timedelta(days=1)
        self.world.wait(timedelta(days=1) - since)
        self.world.trading_state, self.world.is_feed_good = "active", True

    @rule(state=st.sampled_from(["active", "active", "halted"]))
    def change_trading_state(self, state: str) -> None:
        """Somebody halts trading, or lets it go on."""
        self.world.trading_state = state

    @rule(is_good=st.sampled_from([True, True, False]))
    def change_the_feed(self, is_good: bool) -> None:
        """The data checks fail, or pass again."""
        self.world.is_feed_good = is_good

    @precondition(lambda self: self.world.lots)
    @rule(data=st.data(), is_all=st.booleans())
    def sell(self, data: st.DataObject, is_all: bool) -> None:
        """What is held may always be sold: at night, when halted, after any loss, at any cap."""
        ticker = data.draw(st.sampled_from(sorted(self.world.lots)))
        held = self.world.lots[ticker].count
        count = held if is_all else max(1, held // 3)
        inputs = exit_of(self.world, ticker, count)
        strict = replace(
            TIGHT,
            max_orders_per_minute=0,
            max_orders_per_day=0,
            max_order_micros=0,
            max_day_notional_micros=0,
            max_total_pct=TIGHT.max_total_pct * 0,
            max_daily_loss_pct=TIGHT.max_daily_loss_pct * 0,
        )
        assert judge_exit(inputs, strict).is_approved
        assert not judge_exit(replace(inputs, count=held + 1), strict).is_approved
        self.world.sell(ticker, count)


TestAccountLife = AccountLife.TestCase
TestAccountLife.settings = settings(
    max_examples=250,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_an_account_is_let_trade_until_each_cap_is_met() -> None:
    """The life above has orders in it: were nothing ever approved, its rules would say nothing."""
    life, refusals = AccountLife(), set[str]()
    world = life.world
    for _ in range(3):
        for ticker in sorted(PLACES):
            before = len(world.sent)
            life.judge_a_round(61, [(ticker, "no", 20, 0)])
            for order in world.sent[before:]:
                world.fill(order, order.count)
            signal = signal_of(world, ticker, "no", points=20, drift=0)
            inputs = inputs_of(world.now, signal, known_of(world), approved=[])
            refusals |= set(judge(inputs, TIGHT).refused_by)
        life.wait_until_tomorrow()
    assert len(world.sent) == len(world.lots) == 4
    assert refusals >= {
        "existing_position",
        "event_exposure",
        "category_exposure",
        "shard_cash",
        "total_exposure",
        "day_notional",
        "orders_per_day",
    }
