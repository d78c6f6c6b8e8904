"""What a client may say, what it is answered, and how its messages are numbered."""

from typing import Any

import pytest

from kalshi_assets.local_exchange.stream.messages import market_id
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.local_exchange.stream.bench import OTHER, Client, code_of, stand

THIRD = "KXTEST-26OCT-T3"
BOOK = {"channels": ["orderbook_delta"], "market_ticker": TICKER}


@pytest.fixture
def client() -> Client:
    return stand(OTHER, THIRD).client()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", 1),
        ("", 1),
        ("[" * 100_000, 1),
        ("[]", 1),
        ('{"id": "1", "cmd": "list_subscriptions"}', 1),
        ('{"id": true, "cmd": "list_subscriptions"}', 1),
        ('{"id": -1, "cmd": "list_subscriptions"}', 1),
        ('{"id": 1, "cmd": 5}', 1),
        ('{"id": 1, "cmd": "subscribe", "params": []}', 1),
        ('{"id": 1, "cmd": "subscribe"}', 2),
        ('{"id": 1, "cmd": "unsubscribe"}', 2),
        ('{"id": 1, "cmd": "update_subscription"}', 2),
        ('{"id": 1, "cmd": "dance", "params": {}}', 5),
        ('{"id": 1}', 5),
    ],
)
def test_what_is_no_command_is_told_why(client: Client, text: str, code: int) -> None:
    assert code_of(client.say(text)) == code


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, 3),
        ({"channels": []}, 3),
        ({"channels": "ticker"}, 11),
        ({"channels": [1]}, 11),
        ({"channels": ["tickers"]}, 8),
        ({"channels": ["trade", "pyth_value"]}, 8),
        ({"channels": ["orderbook_delta"]}, 14),
        ({"channels": ["orderbook_delta"], "market_tickers": []}, 14),
        ({"channels": ["orderbook_delta"], "market_id": market_id(TICKER)}, 14),
        ({"channels": ["trade"], "market_id": market_id(TICKER)}, 11),
        ({"channels": ["trade"], "market_ticker": "KXNONE-1"}, 11),
        ({"channels": ["trade"], "market_ticker": 5}, 11),
        ({"channels": ["trade"], "market_tickers": TICKER}, 11),
        ({"channels": ["ticker"], "market_id": "not-an-id"}, 11),
        ({"channels": ["trade"], "market_ticker": TICKER, "market_tickers": [TICKER]}, 11),
        (BOOK | {"use_yes_price": "yes"}, 11),
    ],
)
def test_a_bad_subscription_is_refused_whole(
    client: Client, params: dict[str, Any], code: int
) -> None:
    assert code_of(client.send("subscribe", **params)) == code
    (listed,) = client.send("list_subscriptions")
    assert listed["msg"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"action": "add_markets", "market_ticker": OTHER}, 12),
        ({"sid": 1, "sids": [1], "action": "add_markets", "market_ticker": OTHER}, 12),
        ({"sids": [1, 2], "action": "add_markets", "market_ticker": OTHER}, 12),
        ({"sids": [], "action": "add_markets", "market_ticker": OTHER}, 12),
        ({"sid": "1", "action": "add_markets", "market_ticker": OTHER}, 11),
        ({"sids": ["1"], "action": "add_markets", "market_ticker": OTHER}, 11),
        ({"sid": 9, "action": "add_markets", "market_ticker": OTHER}, 7),
        ({"sid": 0, "action": "add_markets", "market_ticker": OTHER}, 7),
        ({"sid": 1, "market_ticker": OTHER}, 15),
        ({"sid": 1, "action": "swap_markets", "market_ticker": OTHER}, 13),
        ({"sid": 2, "action": "get_snapshot", "market_ticker": OTHER}, 13),
        ({"sid": 3, "action": "add_markets", "market_ticker": OTHER}, 13),
        ({"sid": 1, "action": "add_markets"}, 14),
        ({"sid": 1, "action": "add_markets", "market_id": market_id(OTHER)}, 14),
        ({"sid": 4, "action": "add_markets", "market_id": market_id(OTHER)}, 11),
        ({"sid": 1, "action": "add_markets", "market_ticker": "KXNONE-1"}, 11),
        ({"sid": 2, "action": "delete_markets", "market_ticker": OTHER}, 11),
    ],
)
def test_a_bad_update_is_refused_and_changes_nothing(
    client: Client, params: dict[str, Any], code: int
) -> None:
    client.send("subscribe", **BOOK)
    client.subscribe("ticker", "market_lifecycle_v2")
    client.subscribe("trade", market_ticker=TICKER)
    assert code_of(client.send("update_subscription", **params)) == code
    assert list(client.session.subscriptions[0].tickers or ()) == [TICKER]


@pytest.mark.parametrize(("params", "code"), [({}, 4), ({"sids": []}, 4), ({"sids": [5]}, 7)])
def test_a_bad_unsubscribe_is_refused(client: Client, params: dict[str, Any], code: int) -> None:
    assert code_of(client.send("unsubscribe", **params)) == code


def test_every_channel_is_confirmed_before_its_data(client: Client) -> None:
    frames = client.subscribe("orderbook_delta", "trade", market_tickers=[TICKER, OTHER])
    kinds = [frame["type"] for frame in frames]
    assert kinds == ["subscribed"] * 2 + ["orderbook_snapshot"] * 2
    assert [frame["msg"] for frame in frames[:2]] == [
        {"channel": "orderbook_delta", "sid": 1},
        {"channel": "trade", "sid": 2},
    ]
    assert all(frame["id"] == 1 for frame in frames[:2])
    assert not any("id" in frame for frame in frames[2:])


def test_an_id_of_zero_counts_as_none(client: Client) -> None:
    (error,) = client.say({"id": 0, "cmd": "dance"})
    (unnamed,) = client.say({"cmd": "dance"})
    assert "id" not in error
    assert "id" not in unnamed


def test_subscribing_again_adds_what_is_new_and_nothing_else(client: Client) -> None:
    client.books(TICKER)
    (same,) = client.books(TICKER)
    assert same["msg"] == {"channel": "orderbook_delta", "sid": 1}
    again, snapshot = client.books(OTHER, TICKER)
    assert again["msg"]["sid"] == 1
    assert (snapshot["msg"]["market_ticker"], snapshot["seq"]) == (OTHER, 2)
    assert len(client.session.subscriptions) == 1


def test_a_subscription_to_all_markets_stays_one(client: Client) -> None:
    client.subscribe("trade", market_ticker=TICKER)
    client.subscribe("trade")
    client.subscribe("trade", market_ticker=OTHER)
    assert client.session.subscriptions[0].tickers is None


def test_numbers_run_through_all_markets_and_acknowledgements_of_a_subscription() -> None:
    floor = stand(OTHER, THIRD)
    client = floor.client()
    client.books(TICKER, OTHER)
    client.subscribe("trade")
    floor.place("you", "bid", "0.50", "1")
    client.send(
        "update_subscription", sids=[1], action="add_markets", market_tickers=[THIRD, OTHER]
    )
    client.send("update_subscription", sid=1, action="delete_markets", market_ticker=OTHER)
    client.send("update_subscription", sid=1, action="get_snapshot", market_ticker=TICKER)
    client.send("unsubscribe", sids=[1])
    numbered = [frame for frame in client.seen if frame.get("sid") == 1]
    assert [frame["seq"] for frame in numbered] == list(range(1, 9))
    assert [frame["type"] for frame in numbered] == [
        *["orderbook_snapshot"] * 2,
        "orderbook_delta",
        "ok",
        "orderbook_snapshot",
        "ok",
        "orderbook_snapshot",
        "unsubscribed",
    ]


def test_an_update_answers_with_the_markets_there_are_now(client: Client) -> None:
    client.books(TICKER)
    added = client.send("update_subscription", sid=1, action="add_markets", market_ticker=OTHER)
    removed = client.send(
        "update_subscription", sid=1, action="delete_markets", market_tickers=[TICKER, THIRD]
    )
    assert added[0]["msg"] == {"market_tickers": [TICKER, OTHER]}
    assert added[1]["msg"]["market_ticker"] == OTHER
    assert [frame["msg"] for frame in removed] == [{"market_tickers": [OTHER]}]


def test_an_acknowledgement_can_go_without_the_markets(client: Client) -> None:
    client.books(TICKER, skip_ticker_ack=True)
    acknowledged, _ = client.send(
        "update_subscription", sid=1, action="add_markets", market_ticker=OTHER
    )
    assert acknowledged["msg"] == {}


def test_a_snapshot_asked_for_carries_the_commands_id(client: Client) -> None:
    client.books(TICKER)
    (snapshot,) = client.send(
        "update_subscription", sid=1, action="get_snapshot", market_tickers=[TICKER]
    )
    assert (snapshot["type"], snapshot["id"], snapshot["seq"]) == ("orderbook_snapshot", 2, 2)


def test_nothing_comes_of_markets_and_channels_that_were_left() -> None:
    floor = stand(OTHER)
    client = floor.client()
    client.books(TICKER, OTHER)
    client.send("update_subscription", sid=1, action="delete_markets", market_ticker=TICKER)
    floor.place("you", "bid", "0.50", "1")
    assert client.take() == []
    client.send("unsubscribe", sids=[1])
    floor.place("you", "bid", "0.50", "1", ticker=OTHER)
    assert client.take() == []


def test_an_unsubscribe_of_several_tells_what_became_of_each(client: Client) -> None:
    client.books(TICKER)
    client.subscribe("fill")
    frames = client.send("unsubscribe", sids=[2, 9, 1, 2])
    assert [(f["type"], f.get("sid"), f.get("seq")) for f in frames] == [
        ("unsubscribed", 2, 1),
        ("error", None, None),
        ("unsubscribed", 1, 2),
    ]
    (listed,) = client.send("list_subscriptions")
    assert listed["msg"] == []


def test_a_subscription_after_an_end_starts_anew(client: Client) -> None:
    client.books(TICKER)
    client.send("unsubscribe", sids=[1])
    subscribed, snapshot = client.books(TICKER)
    assert (subscribed["msg"]["sid"], snapshot["sid"], snapshot["seq"]) == (2, 2, 1)


def test_the_subscriptions_are_listed(client: Client) -> None:
    client.subscribe("fill", "trade")
    (listed,) = client.send("list_subscriptions")
    assert listed["type"] == "ok"
    assert listed["msg"] == [{"channel": "fill", "sid": 1}, {"channel": "trade", "sid": 2}]


def test_every_message_says_when_it_was_sent() -> None:
    floor = stand()
    client = floor.client()
    client.books()
    floor.clock.advance(seconds=5)
    client.say("{")
    floor.place("you", "bid", "0.50", "1")
    start = floor.tape.started_ms
    assert [frame["sending_ts_ms"] for frame in client.seen] == [start, start, start + 5000]
    assert client.take()[0]["sending_ts_ms"] == start + 5000
