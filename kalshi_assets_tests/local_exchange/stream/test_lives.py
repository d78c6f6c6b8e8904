"""What is told of the markets' lives, and what is not."""

from dataclasses import replace

from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER, listing
from kalshi_assets_tests.local_exchange.stream.bench import OTHER, bodies, stand


def test_lives_are_told_but_not_that_a_market_opens_or_closes_at_its_time() -> None:
    floor = stand(
        created_ms=NOON_MS + 60_000,
        open_ms=NOON_MS + HOUR_MS,
    )
    client = floor.client()
    client.subscribe("market_lifecycle_v2", market_ticker="KXTEST-26OCT-T1")
    floor.wait(24 * 3600)
    (event,) = bodies(client, "event_lifecycle")
    assert (event["event_ticker"], event["series_ticker"]) == ("KXTEST-26OCT", "KXTEST")
    created, determined, settled = bodies(client, "market_lifecycle_v2")
    assert created["event_type"] == "created"
    assert created["open_ts"] == (NOON_MS + HOUR_MS) // 1000
    assert (determined["event_type"], determined["result"]) == ("determined", "yes")
    assert determined["settlement_value"] == "1.0000"
    assert (settled["event_type"], settled["settled_ts"]) == (
        "settled",
        (NOON_MS + 6 * HOUR_MS) // 1000,
    )
    frames = client.of("market_lifecycle_v2") + client.of("event_lifecycle")
    assert sorted(frame["seq"] for frame in frames) == [1, 2, 3, 4]


def test_an_event_is_told_once_before_the_first_of_its_markets() -> None:
    floor = stand(OTHER, created_ms=NOON_MS + 60_000)
    client = floor.client()
    client.subscribe("market_lifecycle_v2")
    floor.wait(61)
    kinds = [frame["type"] for frame in client.take()]
    assert kinds == ["event_lifecycle", "market_lifecycle_v2", "market_lifecycle_v2"]


def test_a_market_without_a_result_is_not_determined() -> None:
    floor = stand(result=None)
    client = floor.client()
    client.subscribe("market_lifecycle_v2")
    floor.wait(24 * 3600)
    assert bodies(client, "market_lifecycle_v2") == []


def test_a_pause_and_its_end_are_told_once_each() -> None:
    floor = stand(OTHER)
    client = floor.client()
    client.subscribe("market_lifecycle_v2")
    paused = floor.exchange.interventions.paused_markets
    paused.add(TICKER)
    floor.wait(1)
    floor.wait(1)
    paused.discard(TICKER)
    floor.wait(1)
    told = [(m["event_type"], m["is_deactivated"]) for m in bodies(client, "market_lifecycle_v2")]
    assert told == [("deactivated", True), ("activated", False)]


def test_a_pause_from_before_the_subscription_is_not_told() -> None:
    floor = stand()
    floor.exchange.interventions.paused_markets.add(TICKER)
    floor.wait(1)
    client = floor.client()
    client.subscribe("market_lifecycle_v2")
    floor.wait(1)
    assert bodies(client, "market_lifecycle_v2") == []


def test_another_closing_time_is_told() -> None:
    floor = stand()
    client = floor.client()
    client.subscribe("market_lifecycle_v2")
    moved = replace(listing(), close_ms=NOON_MS + 2 * HOUR_MS)
    floor.tape.listings[TICKER] = moved
    floor.wait(1)
    floor.wait(1)
    (told,) = bodies(client, "market_lifecycle_v2")
    assert (told["event_type"], told["close_ts"]) == ("close_date_updated", moved.close_ms // 1000)
