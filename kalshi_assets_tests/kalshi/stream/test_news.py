"""Everything but books: trades, tickers, fills, orders, positions, lifecycle."""

from kalshi_assets.domain.stream import (
    Gap,
    LifecycleNotice,
    OrderNotice,
    PositionNotice,
    TickerUpdate,
    TradePrint,
)
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets_tests.kalshi.stream.exchange import frame, trade_msg
from kalshi_assets_tests.kalshi.stream.talk import (
    MS,
    A,
    Talk,
    ack,
    spans,
)


def test_a_missed_trade_is_a_gap_that_is_over_at_once():
    talk = Talk(A, channel="trade").hear(ack("trade"))
    for seq in (1, 3, 2):
        msg = trade_msg(f"t{seq}", A, MS)
        talk.hear(frame(type="trade", sid=1, seq=seq, msg=msg))
    events = talk.told()
    assert spans(e for e in events if isinstance(e, Gap)) == [(A, 1, "sequence")]
    assert [e.trade_id for e in events if isinstance(e, TradePrint)] == ["t1", "t3"]


TICKER = {
    "market_ticker": A,
    "price_dollars": "0.4800",
    "yes_bid_dollars": "0.4500",
    "yes_ask_dollars": "0.5300",
    "yes_bid_size_fp": "300.00",
    "yes_ask_size_fp": "150.00",
    "volume_fp": "33896.00",
    "open_interest_fp": "20422.00",
    "ts_ms": MS,
}


def test_of_a_ticker_only_the_newest_waits_and_no_number_is_missed():
    talk = Talk(A, channel="ticker").hear(ack("ticker"))
    for price in ("0.4800", "0.4900"):
        talk.hear(frame(type="ticker", sid=1, msg=TICKER | {"price_dollars": price}))
    (update,) = talk.told()
    assert update == TickerUpdate(
        market_ticker=A,
        last_price=490_000,
        yes_bid=450_000,
        yes_bid_size=30_000,
        yes_ask=530_000,
        yes_ask_size=15_000,
        volume=3_389_600,
        open_interest=2_042_200,
        quoted_at=instant(MS),
        received_at=instant(MS + 3),
    )


def test_a_position_reads_with_its_sign():
    position = {
        "market_ticker": A,
        "position_fp": "-3.50",
        "position_cost_dollars": "1.234567",
        "realized_pnl_dollars": "-0.100000",
        "fees_paid_dollars": "0.017500",
        "subaccount": 2,
    }
    talk = Talk(channel="market_positions").hear(ack("market_positions"))
    (told,) = talk.hear(frame(type="market_position", sid=1, msg=position)).told()
    assert isinstance(told, PositionNotice)
    assert (told.position, told.cost_micros, told.realized_pnl_micros) == (
        -350,
        1_234_567,
        -100_000,
    )


def test_lifecycle_news_read_and_those_of_events_are_counted_and_passed():
    lifecycle = {
        "market_ticker": A,
        "event_type": "determined",
        "result": "yes",
        "settlement_value": "1.0000",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}],
    }
    talk = Talk(channel="market_lifecycle_v2").hear(ack("market_lifecycle_v2"))
    (news,) = talk.hear(frame(type="market_lifecycle_v2", sid=1, seq=1, msg=lifecycle)).told()
    assert isinstance(news, LifecycleNotice)
    assert (news.event, news.settlement_value, news.close_at) == ("determined", 1_000_000, None)
    assert news.grid is not None
    assert news.grid.holds(501_000)
    # News of events are counted, so that they are no gap, and passed.
    talk.hear(frame(type="event_fee_update", sid=1, seq=2, msg={}))
    talk.hear(frame(type="market_lifecycle_v2", sid=1, seq=3, msg=lifecycle))
    assert [type(event) for event in talk.told()] == [LifecycleNotice]


def test_an_order_reads_with_the_exchanges_own_status():
    order = {
        "order_id": "o1",
        "client_order_id": "c1",
        "ticker": A,
        "status": "unknown",
        "outcome_side": "no",
        "yes_price_dollars": "0.6050",
        "initial_count_fp": "10.00",
        "fill_count_fp": "4.00",
        "remaining_count_fp": "6.00",
        "taker_fees_dollars": "0.010000",
        "maker_fees_dollars": "0.000001",
        "created_ts_ms": None,
    }
    talk = Talk(channel="user_orders").hear(ack("user_orders"))
    (told,) = talk.hear(frame(type="user_order", sid=1, msg=order)).told()
    assert isinstance(told, OrderNotice)
    assert (told.status, told.side, told.yes_price) == ("unknown", "no", 605_000)
    assert (told.remaining_count, told.fees_micros, told.updated_at) == (600, 10_001, None)
