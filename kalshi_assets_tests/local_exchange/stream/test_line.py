"""A bad line: what it does to messages that carry data, and that it does it again the same way."""

from collections import Counter
from typing import Any

import pytest

from kalshi_assets.local_exchange.interventions import LineFaults
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.local_exchange.stream.bench import Client, Frame, Stand, stand


def after(faults: LineFaults, *, orders: int = 30) -> tuple[Stand, Client, list[Frame]]:
    """Return the frames of as many deltas on a line with faults."""
    floor = stand()
    client = floor.client()
    client.books()
    client.take()
    floor.exchange.interventions.line = faults
    for number in range(orders):
        floor.place("you", "bid", "0.40", str(number + 1))
    return floor, client, client.take()


def numbers(frames: list[Frame]) -> list[int]:
    return [frame["seq"] for frame in frames]


def test_a_sound_line_carries_everything() -> None:
    _, _, frames = after(LineFaults())
    assert numbers(frames) == list(range(2, 32))


def test_a_line_that_drops_leaves_gaps() -> None:
    _, _, frames = after(LineFaults(drop=0.3))
    assert 10 < len(frames) < 29
    assert numbers(frames) == sorted(set(numbers(frames)))


def test_a_line_that_doubles_sends_the_same_again() -> None:
    _, _, frames = after(LineFaults(duplicate=0.3))
    counts = Counter(numbers(frames))
    assert set(counts) == set(range(2, 32))
    assert set(counts.values()) == {1, 2}


def test_a_line_that_reorders_swaps_neighbours() -> None:
    _, _, frames = after(LineFaults(reorder=0.3))
    found = numbers(frames)
    assert found != sorted(found)
    assert set(range(2, 31)) <= set(found)
    assert all(abs(number - place) <= 1 for place, number in enumerate(found, start=2))


def test_a_line_that_skips_uses_up_numbers_and_loses_nothing() -> None:
    floor, client, frames = after(LineFaults(skip=0.3))
    found = numbers(frames)
    assert len(found) == 30
    assert found == sorted(set(found))
    assert found[-1] > 31
    assert client.book() == floor.rest_book()


def test_a_line_that_renames_hides_the_first_field() -> None:
    _, _, frames = after(LineFaults(rename=1.0), orders=1)
    assert "market_ticker" not in frames[0]["msg"]
    assert TICKER in frames[0]["msg"].values()
    assert "price_dollars" in frames[0]["msg"]


def test_a_line_that_mistypes_sends_a_bare_number() -> None:
    _, client, frames = after(LineFaults(mistype=1.0), orders=1)
    assert frames[0]["msg"]["price_dollars"] == 0.4
    assert frames[0]["msg"]["delta_fp"] == "1.00"
    (snapshot,) = client.send(
        "update_subscription", sid=1, action="get_snapshot", market_ticker=TICKER
    )
    assert snapshot["msg"]["yes_dollars_fp"][0] != ["0.4000", "1.00"]


@pytest.mark.parametrize("name", ["drop", "duplicate", "reorder", "skip", "rename", "mistype"])
def test_answers_are_never_harmed(name: str) -> None:
    chances: dict[str, Any] = {name: 1.0}
    floor, client, _ = after(LineFaults(**chances), orders=2)
    (listed,) = client.send("list_subscriptions")
    assert listed["msg"] == [{"channel": "orderbook_delta", "sid": 1}]
    (acknowledged,) = client.send("unsubscribe", sids=[1])
    assert (acknowledged["type"], acknowledged["id"]) == ("unsubscribed", 3)
    floor.place("you", "bid", "0.41", "1")
    assert client.take() == []


ALL = LineFaults(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, seed=7)


def test_the_same_seed_breaks_the_same_messages_and_another_breaks_others() -> None:
    def seen(faults: LineFaults) -> list[Any]:
        return [(frame["seq"], sorted(frame["msg"])) for frame in after(faults)[2]]

    assert seen(ALL) == seen(ALL)
    assert seen(ALL) != seen(LineFaults(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, seed=8))


def test_two_connections_break_differently_and_a_mended_line_is_sound() -> None:
    floor = stand()
    clients = [floor.client("me"), floor.client("you")]
    for client in clients:
        client.books()
    floor.exchange.interventions.line = LineFaults(drop=0.5)
    for _ in range(30):
        floor.place("you", "bid", "0.40", "1")
    assert numbers(clients[0].of("orderbook_delta")) != numbers(clients[1].of("orderbook_delta"))
    floor.exchange.interventions.line = LineFaults()
    for client in clients:
        client.take()
    for _ in range(5):
        floor.place("you", "bid", "0.40", "1")
    assert [numbers(client.take()) for client in clients] == [list(range(32, 37))] * 2
