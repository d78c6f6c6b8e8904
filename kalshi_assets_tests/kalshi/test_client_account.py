from datetime import UTC, datetime

import pytest

from kalshi_assets.domain.account import (
    Balance,
    Fill,
    Position,
    Settlement,
    ShardBalance,
)
from kalshi_assets.errors import NotFound, PayloadError
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import (
    BALANCE,
    TICKER,
    FakeExchange,
    answer,
    client_of,
    raw_answer,
)

CUT = datetime(2026, 11, 22, 15, 0, 0, 250_000, UTC)
AFTER_CUT = datetime(2026, 11, 22, 16, 0, 0, 250_000, UTC)


def test_the_balance_is_exact_and_dated():
    balance = client_of(FakeExchange(answer(**BALANCE))).balance()
    shards = (ShardBalance(0, 90_018_600), ShardBalance(2, 8_000_000))
    as_of = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    assert balance == Balance(98_018_600, as_of, 1_980_000, shards)


def test_a_key_of_one_subaccount_gets_no_breakdown():
    whole = {name: value for name, value in BALANCE.items() if name != "balance_breakdown"}
    assert client_of(FakeExchange(answer(**whole))).balance().shards == ()


def test_positions_come_from_all_pages_signed():
    exchange = FakeExchange(
        answer(market_positions=[payloads.position("A")], event_positions=[], cursor="n"),
        answer(market_positions=[payloads.position("B", position_fp="0.50")], event_positions=[]),
    )
    assert client_of(exchange).positions() == [
        Position("A", -300, 2_500_000, -120_000, 18_900),
        Position("B", 50, 2_500_000, -120_000, 18_900),
    ]


def test_orders_come_from_all_pages_with_their_filters():
    exchange = FakeExchange(
        answer(orders=[payloads.order("o-2"), payloads.order("o-1")], cursor="n"),
        answer(
            orders=[payloads.order("o-1"), payloads.order("o-0", expiration_time=None)], cursor=""
        ),
    )
    orders = client_of(exchange).orders(status="resting", min_created_at=CUT, ticker=TICKER)
    assert [order.order_id for order in orders] == ["o-2", "o-1", "o-0"]
    assert (orders[0].side, orders[0].yes_price, orders[0].fees_micros) == ("no", 605_000, 41_801)
    assert (orders[0].initial_count, orders[0].fill_count, orders[0].remaining_count) == (
        1_000, 250, 750)  # fmt: skip
    assert orders[0].expires_at == datetime(2026, 11, 22, 15, 3, tzinfo=UTC)
    assert orders[2].expires_at is None
    assert dict(exchange.requests[1].url.params) == {
        "status": "resting",
        "min_ts": "1795359599",
        "ticker": TICKER,
        "limit": "1000",
        "cursor": "n",
    }


def test_fills_arrive_exact_with_their_filters():
    exchange = FakeExchange(answer(fills=[payloads.fill()], cursor=""))
    fills = client_of(exchange).fills(min_filled_at=CUT, order_id="o-1")
    filled_at = datetime(2026, 11, 22, 15, 0, 1, 250_000, UTC)
    assert fills == [Fill("f-1", "o-1", TICKER, "yes", 125, 520_000, 17_472, True, filled_at)]
    sent = dict(exchange.requests[0].url.params)
    assert sent == {"min_ts": "1795359599", "order_id": "o-1", "limit": "1000"}


def test_fills_of_many_markets_go_in_calls_of_a_hundred():
    exchange = FakeExchange(answer(fills=[payloads.fill()], cursor=""))
    names = [f"KX{n}" for n in range(101)]
    client_of(exchange).fills(tickers=names, max_filled_at=AFTER_CUT)
    sent = [dict(request.url.params) for request in exchange.requests]
    assert [params["ticker"].split(",") for params in sent] == [names[:100], names[100:]]
    assert sent[0]["max_ts"] == "1795363201"


def test_settled_positions_are_asked_for_by_name():
    exchange = FakeExchange(answer(market_positions=[], event_positions=[]))
    assert client_of(exchange).positions(settlement_status="settled") == []
    assert exchange.requests[0].url.params["settlement_status"] == "settled"


def test_one_order_arrives_exact():
    exchange = FakeExchange(answer(order=payloads.order(last_update_time="2026-11-22T15:01:00Z")))
    order = client_of(exchange).order("o-1")
    assert (order.order_id, order.remaining_count) == ("o-1", 750)
    assert order.updated_at == datetime(2026, 11, 22, 15, 1, tzinfo=UTC)
    assert exchange.requests[0].url.path.endswith("/portfolio/orders/o-1")
    with pytest.raises(NotFound):
        client_of(FakeExchange(raw_answer("", 404))).order("o-2")


def test_settlements_arrive_exact_with_their_filter():
    exchange = FakeExchange(answer(settlements=[payloads.settlement()], cursor=""))
    settled_at = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    assert client_of(exchange).settlements(min_settled_at=CUT) == [
        Settlement(TICKER, settled_at, "no", 0, 1_250, 12_500_000, 41_801)
    ]
    assert dict(exchange.requests[0].url.params) == {"min_ts": "1795359599", "limit": "1000"}


@pytest.mark.parametrize("revenue", ["1250", 12.5, None, True])
def test_a_revenue_is_whole_cents(revenue):
    exchange = FakeExchange(answer(settlements=[payloads.settlement(revenue=revenue)]))
    with pytest.raises(PayloadError, match="whole number of cents"):
        client_of(exchange).settlements()


ACCOUNT_CALLS = {
    "settlements": payloads.settlement,
    "orders": payloads.order,
    "fills": payloads.fill,
    "positions": payloads.position,
}


@pytest.mark.parametrize("name", ACCOUNT_CALLS)
def test_one_malformed_row_fails_the_whole_account_call(name):
    row = ACCOUNT_CALLS[name]
    listed = "market_positions" if name == "positions" else name
    rows = [row("a"), row("b", fees_paid_dollars=1, fee_cost=1, taker_fees_dollars=1)]
    exchange = FakeExchange(answer(**{listed: rows, "cursor": ""}))
    with pytest.raises(PayloadError, match=f"GET /portfolio/{name}") as caught:
        getattr(client_of(exchange), name)()
    assert b'"b"' in caught.value.payload
    assert b'"a"' not in caught.value.payload


@pytest.mark.parametrize("name", ACCOUNT_CALLS)
def test_rows_that_contradict_each_other_fail_the_call(name):
    row = ACCOUNT_CALLS[name]
    listed = "market_positions" if name == "positions" else name
    other = {"fees_paid_dollars": "9.0", "fee_cost": "9.0", "taker_fees_dollars": "9.0"}
    exchange = FakeExchange(answer(**{listed: [row("a"), row("a", **other)], "cursor": ""}))
    with pytest.raises(PayloadError, match="came twice"):
        getattr(client_of(exchange), name)()


@pytest.mark.parametrize(
    "change",
    [
        {"balance_dollars": 98.0186},
        {"updated_ts": "1"},
        {"updated_ts": 0},
        {"portfolio_value": "198"},
        {"balance_breakdown": [{"exchange_index": 0, "balance": 1}]},
    ],
)
def test_a_malformed_balance_is_no_balance(change):
    with pytest.raises(PayloadError):
        client_of(FakeExchange(answer(**(BALANCE | change)))).balance()
