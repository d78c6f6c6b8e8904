"""What is asked of the exchange for the universe, and which markets are taken of its answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.defs.market_data import universe
from kalshi_assets.defs.market_data.universe import Discovery, discover
from kalshi_assets.domain.universe import KnownMarket
from kalshi_assets.settings import load_settings
from kalshi_assets_tests.exchange_rest.world import (
    LATE,
    SERIES,
    SHORT_MEMORY,
    SOON,
    World,
    quiet_world,
    write_key,
)
from kalshi_assets_tests.local_exchange.bench import TICKER

NONE = "KXNONE-26OCT-T1"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An exchange on which one market of three is settled, and archived."""
    with quiet_world(write_key(tmp_path), terms=SHORT_MEMORY) as made:
        made.wait(3.1)
        yield made


def found(world: World, known: dict[str, str], *, held: Any = (), **changes: Any) -> Discovery:
    """Discover with settings that name one series; `known` gives statuses."""
    settings = load_settings(env={}, _env_file=None, **({"series": (SERIES,)} | changes))
    markets = {ticker: KnownMarket(status, True, SERIES) for ticker, status in known.items()}
    return discover(world.client, settings, markets, held=held)


def calls(world: World) -> dict[str, int]:
    """Return how often each path was called."""
    return {call.rsplit("/trade-api/v2", 1)[1]: times for call, times in world.counts().items()}


def test_of_a_series_only_what_is_open_is_listed(world: World) -> None:
    assert set(found(world, {}).snapshots) == {TICKER, LATE}
    assert sum(calls(world).values()) == 2, "the series, for its fees, and its open markets"


def test_a_market_that_has_just_closed_is_none_of_the_open_ones(tmp_path: Path) -> None:
    with quiet_world(write_key(tmp_path)) as world:
        world.wait(1.2)
        assert set(found(world, {}).snapshots) == {TICKER, LATE}
        closed = found(world, {SOON: "active"}).snapshots[SOON]
    assert closed.market.status == "closed"


@pytest.mark.parametrize("status", ["active", "inactive", "closed", "determined", "disputed"])
def test_what_was_not_final_is_looked_up_until_it_is_found_wherever_it_lies(
    world: World, status: str
) -> None:
    settled = found(world, {SOON: status, TICKER: "active"}).snapshots[SOON]
    assert (settled.market.status, settled.market.result) == ("finalized", "yes")
    assert (calls(world)["/markets"], calls(world)["/historical/markets"]) == (2, 1)


def test_what_is_final_is_looked_up_no_more(world: World) -> None:
    assert set(found(world, {SOON: "finalized"}).snapshots) == {TICKER, LATE}
    assert calls(world)["/markets"] == 1
    assert "/historical/markets" not in calls(world)


def test_what_is_named_or_held_is_looked_up_with_the_series_that_gives_its_fees(
    world: World,
) -> None:
    got = found(world, {}, series=("KXNONE",), include_markets=(TICKER, NONE), held={LATE, SOON})
    assert set(got.snapshots) == {TICKER, LATE, SOON}
    assert set(got.series) == {SERIES}
    assert got.unknown == [NONE]


def test_of_many_series_all_open_markets_are_read_at_once_and_strangers_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(universe, "MOST_SERIES_ALONE", -1)
    assert set(found(world, {}).snapshots) == {TICKER, LATE}
    assert found(world, {}, series=("KXNONE",)).snapshots == {}


def test_a_listed_market_is_not_looked_up_beside(world: World) -> None:
    found(world, {TICKER: "active", LATE: "active"}, include_markets=(TICKER,), held={LATE})
    assert calls(world)["/markets"] == 1
