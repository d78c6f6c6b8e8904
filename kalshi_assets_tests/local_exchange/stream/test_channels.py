"""What each channel tells, to whom, and what it leaves out."""

import pytest

from kalshi_assets.local_exchange.stream.messages import market_id
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER
from kalshi_assets_tests.local_exchange.stream.bench import OTHER, bodies, stand


def test_a_ticker_starts_with_a_snapshot_only_if_asked() -> None:
    floor = stand(OTHER)
    plain, eager = floor.client(), floor.client()
    plain.subscribe("ticker", market_ticker=TICKER)
    eager.subscribe("ticker", market_ticker=TICKER, send_initial_snapshot=True)
    assert bodies(plain, "ticker") == []
    (first,) = bodies(eager, "ticker")
    assert (first["yes_bid_dollars"], first["yes_ask_size_fp"]) == ("0.4700", "3.00")
    eager.send(
        "update_subscription",
        sid=1,
        action="add_markets",
        market_id=market_id(OTHER),
        send_initial_snapshot=True,
    )
    assert bodies(eager, "ticker")[-1]["market_ticker"] == OTHER


def test_a_ticker_moves_with_the_quote_and_with_trades_and_only_then() -> None:
    floor = stand()
    client = floor.client()
    client.subscribe("ticker")
    floor.wait(5)
    assert bodies(client, "ticker") == []
    floor.tape.quote(bids=[("0.48", "4")], asks=[("0.52", "3")], at=6)
    floor.tape.quote(bids=[("0.48", "4")], asks=[("0.52", "3")], at=7)
    floor.tape.trade("bid", "0.52", "25", at=8)
    floor.wait(5)
    quoted, traded = bodies(client, "ticker")
    assert (quoted["yes_bid_dollars"], quoted["yes_bid_size_fp"]) == ("0.4800", "4.00")
    assert (quoted["ts_ms"], quoted["ts"]) == (NOON_MS + 6000, NOON_MS // 1000 + 6)
    assert (traded["price_dollars"], traded["last_trade_size_fp"]) == ("0.5200", "25.00")
    assert (traded["volume_fp"], traded["dollar_volume"]) == ("25.00", 12)
    assert traded["ts_ms"] == NOON_MS + 8000


def test_a_ticker_is_the_market_as_rest_shows_it() -> None:
    floor = stand()
    client = floor.client()
    client.subscribe("ticker", send_initial_snapshot=True)
    floor.place("me", "bid", "0.53", "5")
    floor.tape.trade("ask", "0.47", "2", at=3)
    floor.wait(4)
    told = bodies(client, "ticker")[-1]
    market = floor.markets.market(floor.tape.listings[TICKER], floor.exchange.moment())
    shared = [name for name in told if name in market]
    assert {name: told[name] for name in shared} == {name: market[name] for name in shared}
    assert len(shared) == 6
    assert told["price_dollars"] == market["last_price_dollars"]


def test_a_late_subscriber_learns_the_size_of_the_last_trade() -> None:
    floor = stand(OTHER)
    floor.tape.trade("bid", "0.52", "7", at=1)
    floor.wait(3 * 3600)
    client = floor.client()
    client.subscribe("ticker", send_initial_snapshot=True)
    sizes = {m["market_ticker"]: m["last_trade_size_fp"] for m in bodies(client, "ticker")}
    assert sizes == {TICKER: "7.00", OTHER: "0.00"}
    floor.place("me", "bid", "0.52", "2")
    newcomer = floor.client("you")
    newcomer.subscribe("ticker", send_initial_snapshot=True, market_ticker=TICKER)
    assert bodies(newcomer, "ticker")[0]["last_trade_size_fp"] == "2.00"


def test_trades_between_strangers_and_our_own_are_public() -> None:
    floor = stand()
    client = floor.client("you")
    client.subscribe("trade")
    floor.tape.trade("ask", "0.47", "2", at=3)
    floor.wait(4)
    floor.place("me", "bid", "0.52", "1")
    strangers, ours = bodies(client, "trade")
    assert strangers["taker_side"] == strangers["taker_outcome_side"] == "no"
    assert (strangers["yes_price_dollars"], strangers["no_price_dollars"]) == ("0.4700", "0.5300")
    assert (ours["taker_book_side"], ours["count_fp"]) == ("bid", "1.00")
    assert ours["ts_ms"] == NOON_MS + 4000
    assert [frame["seq"] for frame in client.of("trade")] == [1, 2]


def test_trades_from_before_the_subscription_are_not_told() -> None:
    floor = stand()
    floor.tape.trade("ask", "0.47", "2", at=3)
    floor.wait(5)
    client = floor.client()
    client.subscribe("trade")
    floor.wait(5)
    assert client.of("trade") == []


def test_private_channels_tell_an_account_of_its_own_only() -> None:
    floor = stand()
    me, you = floor.client("me"), floor.client("you")
    for client in (me, you):
        client.subscribe("fill", "user_orders", "market_positions")
    floor.place("you", "ask", "0.50", "2", client_order_id="rests")
    floor.place("me", "bid", "0.50", "2", client_order_id="takes")
    mine, yours = bodies(me, "fill"), bodies(you, "fill")
    assert [(m["client_order_id"], m["is_taker"]) for m in mine] == [("takes", True)]
    assert [(m["client_order_id"], m["is_taker"]) for m in yours] == [("rests", False)]
    assert mine[0]["trade_id"] == yours[0]["trade_id"]
    assert (mine[0]["post_position_fp"], yours[0]["post_position_fp"]) == ("2.00", "-2.00")
    assert (mine[0]["outcome_side"], mine[0]["action"]) == ("yes", "buy")
    assert (yours[0]["purchased_side"], yours[0]["action"]) == ("no", "sell")
    assert {m["client_order_id"] for m in bodies(me, "user_order")} == {"takes"}
    assert [m["position_fp"] for m in bodies(you, "market_position")] == ["-2.00"]
    ids = {m["user_id"] for m in bodies(me, "user_order") + bodies(me, "market_position")}
    assert ids == {floor.exchange.ledger.user_id("me")}


def test_an_order_is_told_as_it_stands_after_each_deed() -> None:
    floor = stand()
    client = floor.client()
    client.subscribe("user_orders")
    order = floor.place("me", "bid", "0.52", "5", expiration_time=NOON_MS // 1000 + 60)
    assert order is not None
    floor.wait(61)
    floor.place("me", "bid", "0.52", "1", time_in_force="immediate_or_cancel", post_only=False)
    cancelled = floor.place("me", "bid", "0.20", "1")
    assert cancelled is not None
    floor.cancel(cancelled)
    told = [
        (m["status"], m["fill_count_fp"], m.get("last_update_reason"))
        for m in bodies(client, "user_order")
    ]
    assert told == [
        ("resting", "3.00", "Trade"),
        ("canceled", "3.00", "ExpiryCancel"),
        ("canceled", "0.00", None),
        ("resting", "0.00", None),
        ("canceled", "0.00", None),
    ]


def test_a_settlement_closes_the_position() -> None:
    floor = stand()
    client = floor.client()
    client.subscribe("market_positions")
    floor.place("me", "bid", "0.52", "2")
    floor.wait(7 * 3600)
    held, settled = bodies(client, "market_position")
    assert (held["position_fp"], held["position_cost_dollars"]) == ("2.00", "1.040000")
    assert (settled["position_fp"], settled["realized_pnl_dollars"]) == ("0.00", "0.960000")
    assert settled["fees_paid_dollars"] == held["position_fee_cost_dollars"] != "0.000000"
    assert settled["position_fee_cost_dollars"] == "0.000000"


@pytest.mark.parametrize("channel", ["ticker", "trade", "fill", "user_orders", "market_positions"])
def test_a_channel_can_be_narrowed_to_markets(channel: str) -> None:
    floor = stand(OTHER)
    narrow, wide = floor.client(), floor.client()
    narrow.subscribe(channel, market_tickers=[OTHER])
    wide.subscribe(channel)
    floor.place("me", "bid", "0.52", "1")
    floor.place("me", "bid", "0.52", "1", ticker=OTHER)
    names = [f["msg"].get("market_ticker", f["msg"].get("ticker")) for f in narrow.take()]
    assert set(names) == {OTHER}
    assert {f["msg"].get("market_ticker", f["msg"].get("ticker")) for f in wide.take()} == {
        TICKER,
        OTHER,
    }


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        ("ticker", "ticker"),
        ("fill", "fill"),
        ("user_orders", "user_order"),
        ("market_positions", "market_position"),
    ],
)
def test_some_channels_do_not_number_their_data(channel: str, kind: str) -> None:
    floor = stand()
    client = floor.client()
    client.subscribe(channel)
    floor.place("me", "bid", "0.52", "1")
    assert client.of(kind)
    assert not any("seq" in frame for frame in client.of(kind))


def test_happenings_of_a_long_beat_come_in_the_order_of_their_moments() -> None:
    floor = stand(OTHER)
    client = floor.client()
    client.books(TICKER, OTHER)
    client.subscribe("trade", "ticker", "fill")
    floor.place("me", "bid", "0.50", "9")
    client.take()
    for at in range(1, 10):
        floor.tape.trade("ask", "0.47", "1", at=at + 0.5)
        for ticker in (TICKER, OTHER):
            floor.tape.quote(ticker, bids=[("0.46", str(at))], asks=[("0.52", "3")], at=at)
    floor.wait(60)
    moments = [frame["msg"]["ts_ms"] for frame in client.take()]
    assert moments == sorted(moments)
    assert len(set(moments)) == 18
