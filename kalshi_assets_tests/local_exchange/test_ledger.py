from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange, Terms
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.order_request import OrderRequest
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import PriceRange
from kalshi_assets_tests.local_exchange.bench import (
    TICKER,
    Floor,
    ScriptedTape,
    listing,
    private_key,
    public_pem,
)
from kalshi_assets_tests.local_exchange.quiet import quiet_floor


@pytest.fixture
def venue(quiet_venue: Floor) -> Floor:
    return quiet_venue


IOC = {"time_in_force": "immediate_or_cancel"}


def test_recorded_balance_arithmetic():
    tape = ScriptedTape()
    tape.quote(bids=[("0.47", "3")], asks=[("0.99", "9")], at=-1)
    with quiet_floor(tape, terms=Terms(read_lag_ms=0, cash=Decimal(100))) as venue:
        for _ in range(2):
            venue.me.order("bid", "0.99", "1", **IOC)
        balance = venue.me.get("/portfolio/balance")
    assert balance["balance_dollars"] == "98.0186"
    assert balance["balance"] == 9801
    assert balance["portfolio_value"] == 198
    assert balance["balance_breakdown"] == [{"exchange_index": 0, "balance": "98.0186"}]


def test_recorded_position_arithmetic():
    tape = ScriptedTape()
    tape.quote(bids=[("0.47", "3")], asks=[("0.52", "1"), ("0.99", "9")], at=-1)
    with quiet_floor(tape) as venue:
        venue.me.order("bid", "0.99", "3", **IOC)
        answer = venue.me.get("/portfolio/positions")
    (position,) = answer["market_positions"]
    assert position["market_exposure_dollars"] == "2.500000"
    assert position["total_traded_dollars"] == "2.500000"
    assert position["position_fp"] == "3.00"
    (event,) = answer["event_positions"]
    assert event["total_cost_dollars"] == "2.500000"
    assert event["total_cost_shares_fp"] == "3.00"


def test_buying_no_against_yes_nets_and_pays_a_dollar_a_pair(venue):
    venue.me.order("bid", "0.52", "2", **IOC)  # -1.04 - 0.0350
    venue.me.order("ask", "0.47", "2", **IOC)  # +0.94 - 0.0349
    assert venue.me.cash() == "4999.8301"
    (position,) = venue.me.get("/portfolio/positions")["market_positions"]
    assert position["position_fp"] == "0.00"
    assert position["market_exposure_dollars"] == "0.000000"
    assert position["realized_pnl_dollars"] == "-0.100000"
    assert position["fees_paid_dollars"] == "0.069900"


def test_crossing_zero_closes_first_and_opens_the_rest(venue):
    venue.me.order("bid", "0.52", "1", **IOC)
    venue.me.order("ask", "0.47", "3", **IOC)
    (position,) = venue.me.get("/portfolio/positions")["market_positions"]
    assert position["position_fp"] == "-2.00"
    assert position["market_exposure_dollars"] == "1.060000"
    assert position["realized_pnl_dollars"] == "-0.050000"


def test_money_is_checked_at_the_limit_with_resting_orders_counted(venue):
    assert venue.me.order("bid", "0.46", "10000").status_code == 201
    assert venue.me.cash() == "5000.0000"
    refused = venue.me.order("bid", "0.40", "1001")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "insufficient_balance")
    assert venue.me.order("bid", "0.40", "1000").status_code == 201


def test_fees_can_make_an_order_too_dear():
    with quiet_floor(terms=Terms(read_lag_ms=0, cash=Decimal("0.5374"))) as venue:
        assert venue.me.order("bid", "0.52", "1", **IOC).status_code == 400
        assert venue.me.cash() == "0.5374"
        assert venue.me.get("/portfolio/orders")["orders"] == []
    with quiet_floor(terms=Terms(read_lag_ms=0, cash=Decimal("0.5375"))) as venue:
        assert venue.me.order("bid", "0.52", "1", **IOC).status_code == 201
        assert venue.me.cash() == "0.0000"


def test_balance_can_be_shown_without_resting_orders():
    with quiet_floor(terms=Terms(read_lag_ms=0, balance_excludes_resting=True)) as venue:
        venue.me.order("bid", "0.40", "100")
        assert venue.me.cash() == "4960.0000"


def test_selling_what_is_held_needs_no_money():
    with quiet_floor(terms=Terms(read_lag_ms=0, cash=Decimal("2"))) as venue:
        venue.me.order("bid", "0.52", "3", **IOC)
        assert venue.me.order("ask", "0.60", "3").status_code == 201
        assert venue.me.order("ask", "0.60", "3").status_code == 400


def test_only_what_is_held_closes_for_free():
    with quiet_floor(terms=Terms(read_lag_ms=0, cash=Decimal(3))) as venue:
        venue.me.order("bid", "0.52", "3", **IOC)
        assert venue.me.order("ask", "0.60", "3").status_code == 201
        assert venue.me.order("ask", "0.61", "3").status_code == 201  # opens, for 3 * 0.39
        assert venue.me.order("bid", "0.40", "1").status_code == 400


def test_an_order_is_paid_for_at_its_limit_even_if_little_is_there(venue):
    assert venue.me.order("bid", "0.99", "6000", **IOC).status_code == 400
    assert venue.me.order("bid", "0.99", "5000", **IOC).json()["fill_count"] == "3.00"


# A random day on the floor: three accounts, random orders and cancels, quotes that come and go.

ACCOUNTS = ("a", "b", "c")
GRID = st.integers(1, 999).map(lambda step: step * 10) | st.integers(45, 55).map(
    lambda cents: cents * 100
)

orders = st.builds(
    OrderRequest,
    ticker=st.just(TICKER),
    client_order_id=st.just(""),
    side=st.sampled_from(["bid", "ask"]),
    price=GRID,
    count=st.integers(1, 900),
    time_in_force=st.sampled_from(["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]),
    self_trade=st.sampled_from(["taker_at_cross", "maker"]),
    post_only=st.just(False),
    reduce_only=st.just(False),
    cancel_on_pause=st.just(False),
    expires_ms=st.none(),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.sampled_from(ACCOUNTS), orders),
        st.tuples(st.just("cancel"), st.sampled_from(ACCOUNTS), st.none()),
        st.tuples(st.just("quote"), st.integers(35, 65), st.integers(1, 400)),
        st.tuples(st.just("trade"), st.integers(5, 95), st.integers(1, 400)),
    ),
    min_size=15,
    max_size=60,
)


def make_exchange(fee_type):
    one = listing(price_ranges=(PriceRange(0, 10_000, 10),))
    tape = ScriptedTape(listings={TICKER: one}, fees=FeeTerms(fee_type, Fraction(1)))
    pem = public_pem(private_key("me"))
    clock = ManualClock(tape.started_ms)
    keys = Doorkeeper(dict.fromkeys(ACCOUNTS, pem))
    terms = Terms(read_lag_ms=0, cash=Decimal(20))
    return Exchange(tape, Store(None), doorkeeper=keys, clock=clock, terms=terms), tape, clock


def act(exchange, tape, step, second):
    kind, who, what = step
    if kind == "quote":
        bid, ask = f"{who / 100 - 0.01:.2f}", f"{who / 100 + 0.01:.2f}"
        tape.quote(bids=[(bid, str(what / 100))], asks=[(ask, str(what / 100))], at=second)
    elif kind == "trade":
        tape.trade("bid" if what % 2 else "ask", f"{who / 100:.2f}", str(what / 100), at=second)
    now_ms = exchange.moment()
    with exchange.store.transaction():
        if kind == "cancel":
            exchange.cancel_all(who, now_ms=now_ms)
        if kind == "order":
            with suppress(Refusal):
                exchange.place(who, what, now_ms=now_ms)


def check_invariants(exchange):
    for account in ACCOUNTS:
        cash = exchange.ledger.cash_micros(account)
        assert cash >= exchange.funds.reserved_micros(account) >= 0
        assert cash % 100 == 0
    resting = exchange.orders.resting(TICKER)
    bids = [(o.price, o.account) for o in resting if o.side == "bid"]
    asks = [(o.price, o.account) for o in resting if o.side == "ask"]
    assert all(bid < ask for bid, _ in bids for ask, _ in asks)


def check_books(exchange):
    """Recompute every account from its fills alone."""
    paid: dict[str, int] = defaultdict(int)
    held: dict[str, int] = defaultdict(int)
    fees: dict[str, int] = defaultdict(int)
    for fill in exchange.store.rows("select * from fills"):
        sign = 1 if fill["side"] == "bid" else -1
        # in YES terms: a bid pays the price, an ask receives it and owes $1 if YES wins
        paid[fill["account"]] += sign * fill["price"] * fill["count"]
        held[fill["account"]] += sign * fill["count"]
        fees[fill["account"]] += fill["fee_micros"]
    for account in ACCOUNTS:
        position = exchange.ledger.position(account, TICKER)
        collateral = max(-held[account], 0) * 10_000
        cash = 20_000_000 - paid[account] - fees[account] - collateral
        assert exchange.ledger.cash_micros(account) == cash
        assert position.position == held[account]
        assert position.fees_micros == fees[account]
        spent = 20_000_000 - cash - fees[account]
        assert position.cost_micros - position.realized_micros == spent


@pytest.mark.parametrize("fee_type", ["quadratic", "quadratic_with_maker_fees"])
@settings(max_examples=25, deadline=None)
@given(day=steps)
def test_money_is_neither_made_nor_lost(fee_type, day):
    exchange, tape, clock = make_exchange(fee_type)
    for number, step in enumerate(day, start=1):
        clock.advance(seconds=1)
        act(exchange, tape, step, number)
        check_invariants(exchange)
    check_books(exchange)
    positions = {a: exchange.ledger.position(a, TICKER).position for a in ACCOUNTS}
    before = {a: exchange.ledger.cash_micros(a) for a in ACCOUNTS}
    clock.advance(seconds=7 * 3600)
    exchange.moment()
    for account in ACCOUNTS:
        won = max(positions[account], 0) * 10_000
        assert exchange.ledger.cash_micros(account) == before[account] + won
    exchange.close()
