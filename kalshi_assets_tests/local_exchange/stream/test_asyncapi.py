"""Every frame and every command against the exchange's own AsyncAPI document, where at hand."""

import json
from dataclasses import replace
from typing import Any

import pytest

from kalshi_assets.local_exchange.interventions import LineFaults
from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.stream import StreamTerms
from kalshi_assets.local_exchange.stream.commands import ERRORS
from kalshi_assets.local_exchange.stream.messages import market_id
from kalshi_assets_tests.api_documents import loaded
from kalshi_assets_tests.kalshi.shared_files import RECORDED, needs_recordings
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER
from kalshi_assets_tests.local_exchange.stream.bench import OTHER, Client, Frame, Stand, stand
from kalshi_assets_tests.local_exchange.stream.documents import (
    COMMANDS,
    PAYLOADS,
    Validators,
    check,
    check_frame,
    validators_of,
)

CPI = "KXCPI-26OCT-T0.3"
EVERYTHING = (
    "orderbook_delta",
    "ticker",
    "trade",
    "fill",
    "user_orders",
    "market_positions",
    "market_lifecycle_v2",
)
pytestmark = needs_recordings


@pytest.fixture(scope="module")
def document() -> Any:
    return loaded("asyncapi.yaml")


@pytest.fixture(scope="module")
def validators(document: Any) -> Validators:
    return validators_of(document)


def test_everything_a_busy_week_says_has_the_documented_shape(validators: Validators) -> None:
    floor = Stand(load_scenario("cpi-week"), StreamTerms(buffer=10**6))
    me, you = floor.client("me"), floor.client("you")
    for client in (me, you):
        client.subscribe(*EVERYTHING, market_tickers=[CPI], send_initial_snapshot=True)
        client.subscribe("market_positions", "trade")
    floor.place("you", "bid", "0.01", "3", ticker=CPI, client_order_id="rests")
    floor.place("me", "bid", "0.99", "7", ticker=CPI, time_in_force="immediate_or_cancel")
    floor.place("me", "ask", "0.01", "2", ticker=CPI)
    expiring = floor.tape.started_ms // 1000 + 100
    floor.place("you", "bid", "0.02", "3", ticker=CPI, expiration_time=expiring)
    floor.wait(600)
    floor.exchange.interventions.paused_markets.add(CPI)
    floor.wait(1)
    for client in (me, you):
        client.take()
        for frame in client.seen:
            check_frame(validators, frame)
    kinds = {frame["type"] for frame in me.seen + you.seen}
    assert kinds == PAYLOADS.keys() - {"unsubscribed", "ok", "error", "event_lifecycle"}


def test_lives_have_the_documented_shape(validators: Validators) -> None:
    floor = stand(OTHER, created_ms=NOON_MS + 60_000, open_ms=NOON_MS + 120_000)
    client = floor.client()
    client.subscribe("market_lifecycle_v2", "market_positions")
    paused = floor.exchange.interventions.paused_markets
    floor.wait(300)
    paused.add(TICKER)
    floor.wait(1)
    paused.clear()
    floor.wait(1)
    later = replace(floor.tape.listings[OTHER], close_ms=NOON_MS + 10**6)
    floor.tape.listings[OTHER] = later
    floor.place("me", "bid", "0.52", "1")
    floor.wait(24 * 3600)
    client.take()
    for frame in client.seen:
        check_frame(validators, frame)
    told = {frame["msg"]["event_type"] for frame in client.of("market_lifecycle_v2")}
    assert told == {
        "created",
        "deactivated",
        "activated",
        "close_date_updated",
        "determined",
        "settled",
    }
    assert client.of("event_lifecycle")


ACCEPTED: list[dict[str, Any]] = [
    {"cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_ticker": TICKER}},
    {
        "cmd": "subscribe",
        "params": {
            "channels": ["orderbook_delta", "ticker"],
            "market_tickers": [TICKER, OTHER],
            "use_yes_price": True,
            "skip_ticker_ack": False,
            "send_initial_snapshot": True,
        },
    },
    {"cmd": "subscribe", "params": {"channels": ["fill"]}},
    {"cmd": "subscribe", "params": {"channels": ["ticker"], "market_id": market_id(TICKER)}},
    {"cmd": "subscribe", "params": {"channels": ["ticker"], "market_ids": [market_id(OTHER)]}},
    {"cmd": "subscribe", "params": {"channels": list(EVERYTHING), "market_ticker": TICKER}},
    {"cmd": "list_subscriptions"},
    *(
        {"cmd": "update_subscription", "params": {**sid, **market, "action": action}}
        for sid in ({"sid": 1}, {"sids": [1]})
        for market in ({"market_ticker": OTHER}, {"market_tickers": [TICKER]})
        for action in ("delete_markets", "add_markets", "get_snapshot")
    ),
    {"cmd": "unsubscribe", "params": {"sids": [1, 2]}},
]


def test_every_command_we_take_is_documented_and_so_is_its_answer(
    validators: Validators,
) -> None:
    client = stand(OTHER).client()
    for number, command in enumerate(ACCEPTED, start=1):
        sent = {"id": number, **command}
        check(validators, COMMANDS[command["cmd"]], sent)
        for frame in client.say(sent):
            assert frame["type"] != "error", (sent, frame)
            check_frame(validators, frame)


def test_the_documents_own_commands_are_understood(document: Any) -> None:
    """They name markets and subscriptions that are not here: nothing else may be wrong."""
    messages = document["components"]["messages"]
    served = stand(OTHER).client()
    for name in ("subscribeCommand", "unsubscribeCommand", "listSubscriptionsCommand"):
        for example in messages[name]["examples"]:
            codes = {
                f["msg"]["code"] for f in served.say(example["payload"]) if f["type"] == "error"
            }
            channels = example["payload"].get("params", {}).get("channels", [])
            allowed = {7, 11} if set(channels) <= set(EVERYTHING) else {8}
            assert codes <= allowed, example
    for name in messages:
        if name.startswith("updateSubscription"):
            for example in messages[name]["examples"]:
                (answer,) = served.say(example["payload"])
                has_action = "action" in example["payload"]["params"]
                assert answer["msg"]["code"] == (11 if has_action else 15)


def test_every_error_we_send_has_the_documented_code_and_words(
    document: Any, validators: Validators
) -> None:
    names = {one["code"]: one["name"] for one in document["x-error-codes"]["codes"]}
    assert {code: names[code] for code in ERRORS} == dict(ERRORS)
    now = [0.0]
    terms = StreamTerms(buffer=1, markets=2, commands_per_second=30, monotonic=lambda: now[0])
    client = stand(OTHER, terms=terms).client()
    seen = every_error(client)
    for frame in seen:
        check_frame(validators, frame)
    assert {frame["msg"]["code"] for frame in seen} == set(ERRORS)


def every_error(client: Client) -> list[Frame]:
    book = {"channels": ["orderbook_delta"]}
    update = {"sid": 1, "market_ticker": TICKER, "action": "add_markets"}
    frames = client.say("{") + client.say({"id": 1, "cmd": "subscribe"})
    frames += client.subscribe("ticker", market_ticker=TICKER)
    frames += client.send("subscribe") + client.send("unsubscribe") + client.send("dance")
    frames += client.send("unsubscribe", sids=[8]) + client.subscribe("dance")
    frames += client.subscribe("trade", market_ticker="KXNONE-1") + client.send("subscribe", **book)
    for change in ({"sid": None}, {"action": "dance"}, {"action": None}):
        frames += client.send("update_subscription", **(update | change))
    frames += client.subscribe("trade", market_tickers=[TICKER, OTHER])
    frames += client.send("unsubscribe", sids=[1])
    frames += client.books(TICKER, OTHER)
    for _ in range(30):
        frames += client.send("list_subscriptions")
    return [frame for frame in frames if frame["type"] == "error"]


def test_a_bad_line_sends_what_the_document_forbids(validators: Validators) -> None:
    for faults in (LineFaults(rename=1.0), LineFaults(mistype=1.0)):
        floor = stand()
        client = floor.client()
        client.books()
        client.take()
        floor.exchange.interventions.line = faults
        floor.place("me", "bid", "0.50", "1")
        (frame,) = client.take()
        assert not validators["orderbookDeltaPayload"].is_valid(frame)


def test_a_recorded_conversation_has_the_frames_we_send() -> None:
    recorded = [
        json.loads(line)
        for line in (RECORDED / "ws__orderbook_trade_yes.jsonl").read_text().split("\n")
        if line
    ]
    floor = stand()
    client = floor.client()
    client.subscribe("orderbook_delta", "trade", market_tickers=[TICKER], use_yes_price=True)
    floor.place("you", "ask", "0.51", "1")
    for theirs in recorded:
        ours = client.of(theirs["type"])[0]
        assert set(theirs) <= set(ours) <= {*theirs, "sending_ts_ms"}
        assert set(theirs["msg"]) == set(ours["msg"])
        assert {k: type(v) for k, v in theirs["msg"].items()} == {
            k: type(v) for k, v in ours["msg"].items()
        }
