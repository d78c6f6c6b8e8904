"""What we send and what we read, against the exchange's AsyncAPI document."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from kalshi_assets.domain.stream import CHANNELS, BadPayload, Channel, StreamEvent
from kalshi_assets.kalshi.stream import commands, documented
from kalshi_assets.kalshi.stream.decoding import CHANNEL_OF, frame_decoder
from kalshi_assets.kalshi.stream.session import Session
from kalshi_assets_tests.api_documents import loaded, validator
from kalshi_assets_tests.kalshi.shared_files import KALSHI, needs_recordings

pytestmark = needs_recordings

TICKER = "KXCPI-26NOV-T0.3"
ANSWERS = ("subscribed", "unsubscribed", "ok", "list_subscriptions", "error")


def document() -> dict[str, Any]:
    return loaded("asyncapi.yaml")


def check(value: object, schema: str) -> None:
    schemas = document()["components"]["schemas"]
    validator({"$ref": f"#/components/schemas/{schema}"}, schemas).validate(value)


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for key, message in document()["components"]["messages"].items():
        is_command = key.endswith("Command")
        if not is_command and message["name"] in {*CHANNEL_OF, *ANSWERS}:
            for example in message.get("examples", []):
                yield example["name"], example["payload"]


def example_list() -> list[Any]:
    there = (KALSHI / "asyncapi.yaml").is_file()
    return [pytest.param(body, id=name) for name, body in examples()] if there else []


SENT = {
    **{
        f"subscribe {channel}": (
            commands.subscribe(1, channel, tickers=[TICKER]),
            "subscribeCommandPayload",
        )
        for channel in CHANNELS
    },
    "to all": (commands.subscribe(1, "trade", tickers=[]), "subscribeCommandPayload"),
    **{
        action: (
            commands.update(2, action, sid=1, tickers=[TICKER]),
            "updateSubscriptionCommandPayload",
        )
        for action in ("add_markets", "delete_markets", "get_snapshot")
    },
    "unsubscribe": (commands.unsubscribe(3, [2, 1]), "unsubscribeCommandPayload"),
    "list": (commands.list_subscriptions(4), "listSubscriptionsCommandPayload"),
}


@pytest.mark.parametrize("name", SENT)
def test_every_command_is_as_the_document_has_it(name):
    sent, schema = SENT[name]
    body = json.loads(sent)
    check(body, schema)
    documented_params = document()["components"]["schemas"][schema]["properties"].get("params", {})
    assert body.get("params", {}).keys() <= documented_params.get("properties", {}).keys()


def test_the_check_itself_can_fail():
    with pytest.raises(jsonschema.ValidationError):
        check({"id": 1, "cmd": "subscribe", "params": {"channels": ["x"]}}, SENT["list"][1])
    with pytest.raises(jsonschema.ValidationError):
        check({"id": 1, "cmd": "subscribe", "params": {"channels": ["x"]}}, SENT["to all"][1])


def test_books_always_ask_for_yes_prices_and_nothing_else_does():
    asked = [json.loads(commands.subscribe(1, c, tickers=[TICKER]))["params"] for c in CHANNELS]
    flags = {params["channels"][0]: params.get("use_yes_price") for params in asked}
    assert {channel for channel, flag in flags.items() if flag is not None} == {"orderbook_delta"}
    assert flags["orderbook_delta"] is True


def after(body: dict[str, Any]) -> list[StreamEvent]:
    """Return what a session tells of a frame of a subscription it has."""
    session = Session()
    channel = CHANNEL_OF[body["type"]]
    session.want(channel, [body["msg"].get("market_ticker", TICKER)])
    session.commands(0.0)
    ack: dict[str, Any] = {"type": "subscribed", "msg": {"channel": channel, "sid": body["sid"]}}
    first = body | {"seq": 1} if "seq" in body else body
    for sent in (ack, first):
        session.receive(json.dumps(sent).encode(), 1_786_400_000_000)
    assert [name for name in session.counts if name.startswith("unknown")] == []
    told = []
    while (event := session.event()) is not None:
        told.append(event)
    return told


@pytest.mark.parametrize("body", example_list())
def test_every_example_of_the_document_reads(body):
    frame_decoder()(json.dumps(body).encode())
    if body["type"] not in CHANNEL_OF:
        return
    told = [type(event).__name__ for event in after(body)]
    # A delta without a book before it changes nothing; news of events are passed.
    silent = {"orderbook_delta", "event_lifecycle", "event_fee_update"}
    assert len(told) == (0 if body["type"] in silent else 1)
    assert "BadPayload" not in told


@pytest.mark.parametrize("body", example_list())
def test_no_field_we_use_may_be_missing_or_of_another_type(body):
    """Break one field after the other: what reads no more must be quarantined with its bytes."""
    if body["type"] not in CHANNEL_OF or not isinstance(body.get("msg"), dict):
        return
    wrong = 0
    for name, value in body["msg"].items():
        for broken in (None, 12.5 if isinstance(value, str) else "12.5"):
            msg = {k: v for k, v in body["msg"].items() if k != name}
            if broken is not None:
                msg[name] = broken
            bad = [e for e in after(body | {"msg": msg}) if isinstance(e, BadPayload)]
            wrong += len(bad)
            assert all(json.loads(e.payload)["msg"] == msg for e in bad)
    at_least = {"orderbook_snapshot": 2, "market_lifecycle_v2": 2, "orderbook_delta": 8}
    silent = {"event_lifecycle": 0, "event_fee_update": 0}
    assert wrong >= {**at_least, **silent}.get(body["type"], 10)


def test_the_fields_we_call_documented_are_those_of_the_document():
    for message in document()["components"]["messages"].values():
        name = message["name"]
        if name not in documented.MESSAGES:
            continue
        schema = message["payload"]["$ref"].rsplit("/", 1)[1]
        body = document()["components"]["schemas"][schema]["properties"]
        assert body.keys() <= documented.ENVELOPE
        ours = documented.MESSAGES[name] - ({"market_id"} if name == "trade" else set())
        assert set(body.get("msg", {}).get("properties", {})) == ours, name


def test_every_channel_we_know_is_one_of_the_document():
    known: tuple[Channel, ...] = CHANNELS
    assert set(known) <= document()["channels"].keys()
    assert set(CHANNEL_OF.values()) == set(known)
