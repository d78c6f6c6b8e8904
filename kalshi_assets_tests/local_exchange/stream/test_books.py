"""Books folded from the stream stand where REST's do, whatever happens in between."""

from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.local_exchange import recorded_folders
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER
from kalshi_assets_tests.local_exchange.frame_folders import (
    START,
    UP,
    body,
    delta,
    load,
    snapshot,
    write,
    write_body,
)
from kalshi_assets_tests.local_exchange.stream.bench import Stand, bodies, both_scales, stand


def test_a_snapshot_shows_the_no_side_in_no_or_in_yes_prices() -> None:
    floor = stand()
    for client, shown in zip(both_scales(floor), ("0.5200", "0.4800"), strict=True):
        (snapshot,) = client.of("orderbook_snapshot")
        assert snapshot["msg"]["yes_dollars_fp"] == [["0.4700", "3.00"]]
        assert snapshot["msg"]["no_dollars_fp"] == [[shown, "3.00"]]


def test_without_a_word_on_it_no_prices_are_shown() -> None:
    client = stand().client()
    _, snapshot = client.subscribe("orderbook_delta", market_ticker=TICKER)
    assert snapshot["msg"]["no_dollars_fp"] == [["0.4800", "3.00"]]


def test_the_best_price_comes_last() -> None:
    floor = stand()
    floor.tape.quote(bids=[("0.47", "3"), ("0.45", "1")], asks=[("0.52", "3"), ("0.55", "1")], at=1)
    floor.wait(1)
    for client, shown in zip(both_scales(floor), (["0.5500", "0.5200"], None), strict=True):
        body = client.of("orderbook_snapshot")[0]["msg"]
        assert [row[0] for row in body["yes_dollars_fp"]] == ["0.4500", "0.4700"]
        assert [row[0] for row in body["no_dollars_fp"]] == (shown or ["0.4500", "0.4800"])


def test_an_empty_side_has_no_key() -> None:
    floor = stand()
    floor.tape.quote(bids=[], asks=[("0.52", "3")], at=1)
    floor.wait(1)
    client = floor.client()
    client.books()
    body = client.of("orderbook_snapshot")[0]["msg"]
    assert "yes_dollars_fp" not in body
    assert "no_dollars_fp" in body


def test_every_change_of_the_tape_is_told_with_its_own_moment() -> None:
    floor = stand()
    client = floor.client()
    client.books()
    floor.tape.quote(bids=[("0.46", "3")], asks=[("0.52", "3")], at=1)
    floor.tape.quote(bids=[("0.46", "5")], asks=[("0.52", "3")], at=2.5)
    floor.wait(10)
    told = [
        (f["msg"]["ts_ms"] - NOON_MS, f["msg"]["price_dollars"], f["msg"]["delta_fp"])
        for f in client.of("orderbook_delta")
    ]
    assert told == [
        (1000, "0.4700", "-3.00"),
        (1000, "0.4600", "3.00"),
        (2500, "0.4600", "2.00"),
    ]


def test_an_order_filled_in_a_long_beat_leaves_the_book_at_its_own_moment() -> None:
    floor = stand()
    floor.place("you", "bid", "0.50", "5")
    client = floor.client()
    client.books()
    floor.tape.quote(bids=[("0.46", "3")], asks=[("0.52", "3")], at=10)
    floor.tape.quote(bids=[("0.46", "3")], asks=[("0.49", "3"), ("0.51", "1")], at=20)
    floor.tape.trade("ask", "0.45", "2", at=30)
    floor.wait(60)
    own = [f["msg"] for f in client.of("orderbook_delta") if f["msg"]["price_dollars"] == "0.5000"]
    assert [(m["ts_ms"] - NOON_MS, m["delta_fp"]) for m in own] == [
        (20_000, "-3.00"),
        (30_000, "-2.00"),
    ]
    assert client.book() == floor.rest_book()


def test_a_delta_names_the_order_only_to_whose_it_is() -> None:
    floor = stand()
    me, you = floor.client("me"), floor.client("you")
    me.books()
    you.books()
    floor.place("me", "bid", "0.50", "2", client_order_id="mine")
    (told,) = me.of("orderbook_delta")
    assert told["msg"]["client_order_id"] == "mine"
    assert "client_order_id" not in you.of("orderbook_delta")[0]["msg"]

    floor.place("me", "bid", "0.45", "2")
    assert "client_order_id" not in me.of("orderbook_delta")[-1]["msg"]
    floor.place("you", "ask", "0.50", "1", client_order_id="yours")
    assert "client_order_id" not in me.of("orderbook_delta")[-1]["msg"]
    taken = you.of("orderbook_delta")[-1]["msg"]
    assert (taken["client_order_id"], taken["delta_fp"]) == ("yours", "-1.00")


def test_an_order_is_not_named_for_what_the_tape_does_at_its_price() -> None:
    floor = stand()
    floor.place("me", "bid", "0.40", "2", client_order_id="c", expiration_time=NOON_MS // 1000 + 9)
    client = floor.client()
    client.books()
    floor.tape.quote(bids=[("0.47", "3"), ("0.40", "7")], asks=[("0.52", "3")], at=5)
    floor.wait(10)
    told = [(m["delta_fp"], m.get("client_order_id")) for m in bodies(client, "orderbook_delta")]
    assert told == [("7.00", None), ("-2.00", "c")]


def test_a_taker_is_named_at_the_level_it_took() -> None:
    floor = stand()
    me = floor.client("me")
    me.books()
    floor.place("me", "bid", "0.53", "5", client_order_id="through")
    deltas = [f["msg"] for f in me.of("orderbook_delta")]
    assert [(d["side"], d["delta_fp"], d["client_order_id"]) for d in deltas] == [
        ("no", "-3.00", "through"),
        ("yes", "2.00", "through"),
    ]


def test_a_cancel_is_told_with_its_order_and_a_fill_by_strangers_without() -> None:
    floor = stand()
    me = floor.client("me")
    me.books()
    first = floor.place("me", "bid", "0.50", "2", client_order_id="first")
    assert first is not None
    floor.cancel(first)
    assert me.of("orderbook_delta")[-1]["msg"]["client_order_id"] == "first"
    floor.place("me", "bid", "0.51", "2", client_order_id="second")
    floor.tape.trade("ask", "0.47", "5", at=1)
    floor.wait(2)
    gone = me.of("orderbook_delta")[-1]["msg"]
    assert gone["delta_fp"] == "-2.00"
    assert "client_order_id" not in gone


def test_a_closed_market_has_an_empty_book() -> None:
    floor = stand()
    client = floor.client()
    client.books()
    floor.place("me", "bid", "0.50", "2")
    floor.wait(5 * 3600)
    assert client.book() == floor.rest_book() == {"yes_dollars": {}, "no_dollars": {}}
    assert {f["msg"]["ts_ms"] for f in client.of("orderbook_delta")[1:]} == {NOON_MS + 4 * HOUR_MS}


def test_a_market_that_opens_shows_its_book() -> None:
    floor = stand(open_ms=NOON_MS + 60_000)
    client = floor.client()
    assert "yes_dollars_fp" not in client.books()[1]["msg"]
    floor.wait(61)
    assert client.book() == floor.rest_book() != {"yes_dollars": {}, "no_dollars": {}}


def test_a_paused_market_shows_what_rest_shows() -> None:
    floor = stand()
    client = floor.client()
    client.books()
    for paused in ({TICKER}, set[str]()):
        floor.exchange.interventions.paused_markets = paused
        floor.wait(1)
        assert client.book() == floor.rest_book()


def test_a_whole_scenario_folds_to_rests_books() -> None:
    floor = Stand(load_scenario("cpi-week"))
    client = floor.client()
    tickers = list(floor.tape.listings)
    client.books(*tickers)
    floor.place("me", "bid", "0.02", "5", ticker=tickers[0])
    for seconds in (0.1, 7, 60, 300, 0.1):
        floor.wait(seconds)
        for ticker in tickers:
            assert client.book(ticker) == floor.rest_book(ticker)


def test_a_weekly_pause_and_what_follows_it_fold_to_rests_book() -> None:
    floor = Stand(load_scenario("cpi-week"))
    client = floor.client()
    ticker = next(iter(floor.tape.listings))
    thursday_three_new_york = 1_792_047_600_000
    floor.wait((thursday_three_new_york - floor.tape.started_ms) / 1000 - 60)
    client.books(ticker)
    for seconds in (55, 10, 7200 - 15, 20, 60):
        floor.wait(seconds)
        assert client.book(ticker) == floor.rest_book(ticker)


def test_a_recording_with_its_gaps_folds_to_rests_books(tmp_path: Path) -> None:
    floor = Stand(recorded_folders.load(recorded_folders.write_wide(tmp_path)))
    client = floor.client()
    tickers = list(floor.tape.listings)
    client.books(*tickers)
    books = set()
    for _ in range(100):
        floor.wait(240)
        for ticker in tickers:
            assert client.book(ticker) == floor.rest_book(ticker)
            books.add(str(client.book(ticker)))
    assert len(books) > 5


def test_a_beat_asks_the_tape_nothing_while_nobody_is_subscribed() -> None:
    floor = stand()
    asked: list[str] = []

    def changes(ticker: str, after_ms: int, until_ms: int) -> list[int]:
        asked.append(ticker)
        return []

    floor.tape.changes = changes
    client, other = floor.client(), floor.client("you")
    floor.wait(1)
    other.subscribe("fill", "user_orders", "market_lifecycle_v2")
    client.books()
    assert asked == []
    floor.wait(1)
    assert asked == [TICKER]
    floor.hub.close(client.session)
    floor.wait(1)
    assert asked == [TICKER]


@pytest.mark.parametrize("beats", [1, 7, 60])
def test_the_length_of_a_beat_does_not_change_what_is_told(beats: int) -> None:
    def told(steps: int) -> list[Any]:
        floor = stand()
        floor.place("you", "bid", "0.50", "5", expiration_time=NOON_MS // 1000 + 45)
        client = floor.client()
        client.books()
        for at in range(5, 60, 5):
            floor.tape.quote(bids=[(f"0.{40 + at // 10}", "3")], asks=[("0.52", str(at))], at=at)
        floor.tape.trade("ask", "0.47", "2", at=22)
        for _ in range(steps):
            floor.wait(60 / steps)
        return [frame["msg"] for frame in client.of("orderbook_delta")]

    assert told(beats) == told(240)


def test_a_book_that_a_recording_tells_anew_is_told_anew(tmp_path: Path) -> None:
    """As a real client saw it: deltas, then a snapshot that differs from what they folded to."""
    again = snapshot(9, yes=[("0.4000", "10.00"), ("0.3900", "1.00")])
    write(tmp_path, START, delta(5, "yes", "0.4200", "3.00"), again, delta(10, "yes", "0.40", "1"))
    floor = Stand(load(tmp_path, seconds=1))
    clients = [floor.client(), floor.client()]
    clients[1].use_yes_price = False
    for client in clients:
        client.books(UP)
    floor.wait(20)
    for client in clients:
        told = [(frame["type"], frame["seq"]) for frame in client.of("orderbook_delta")]
        first, anew = client.of("orderbook_snapshot")
        assert told == [("orderbook_delta", 2), ("orderbook_delta", 4)]
        assert (anew["sid"], anew["seq"]) == (first["sid"], 3)
        assert "no_dollars_fp" not in anew["msg"]
        assert anew["msg"]["yes_dollars_fp"] == [["0.3900", "1.00"], ["0.4000", "10.00"]]
        assert client.book(UP) == floor.rest_book(UP)


def test_a_closed_markets_book_stands_until_the_recording_empties_it(tmp_path: Path) -> None:
    write(tmp_path, START, delta(5, "yes", "0.4200", "3.00"), snapshot(900.7))
    write_body(tmp_path, body())
    floor = Stand(load(tmp_path, seconds=1))
    client = floor.client()
    client.books(UP)
    floor.wait(899.5)  # closed half a second ago
    assert client.book(UP)["yes_dollars"] == {"0.4000": "10.00", "0.4100": "5.50", "0.4200": "3.00"}
    assert client.book(UP) == floor.rest_book(UP)
    floor.wait(1)
    assert len(client.of("orderbook_snapshot")) == 2
    assert client.book(UP) == floor.rest_book(UP) == {"yes_dollars": {}, "no_dollars": {}}
    assert len(client.of("orderbook_delta")) == 1


def test_a_recording_that_does_not_tell_it_has_the_book_emptied_by_the_close(
    tmp_path: Path,
) -> None:
    write(tmp_path, START, delta(5, "yes", "0.4200", "3.00"), snapshot(900 + 61))
    write_body(tmp_path, body())
    floor = Stand(load(tmp_path, seconds=1))
    client = floor.client()
    client.books(UP)
    floor.wait(899)
    assert client.book(UP) == floor.rest_book(UP) == {"yes_dollars": {}, "no_dollars": {}}
    assert len(client.of("orderbook_snapshot")) == 1
