"""The universe on a real exchange: found by category, followed to its end, kept while in hand."""

from typing import Any

from kalshi_assets_tests.stand import OVERREACTING, Stand


def changes(stand: Stand) -> list[tuple[str, str]]:
    found = stand.rows("SELECT * FROM kalshi.universe_changes ORDER BY change_id")
    return [(row["market_ticker"], row["change"]) for row in found]


def tracked(stand: Stand) -> set[str]:
    found = stand.rows("SELECT ticker FROM kalshi.markets WHERE is_tracked")
    return {row["ticker"] for row in found}


def told(result: Any) -> dict[str, Any]:
    [made] = result.asset_materializations_for_node("markets")
    return {name: value.value for name, value in made.metadata.items()}


def look(stand: Stand) -> Any:
    """Look at the universe; where nothing of it is tracked, its check fails, as it should."""
    return stand.run("markets_job", expect_success=False)


def test_a_category_brings_the_markets_of_its_series(stand: Stand) -> None:
    stand.change(series=("KXNONE",))
    assert told(look(stand))["markets"] == 0
    stand.change(categories=("Economics",))
    assert told(look(stand))["markets"] > 0
    assert OVERREACTING in tracked(stand)


def test_named_markets_are_tracked_without_their_series_and_excluded_ones_not(
    stand: Stand,
) -> None:
    stand.change(series=("KXNONE",), include_markets=(OVERREACTING, "KXNONE-26OCT-T1"))
    found = told(look(stand))
    assert tracked(stand) == {OVERREACTING}
    assert found["unknown_markets"] == "KXNONE-26OCT-T1"
    [series] = stand.rows("SELECT ticker FROM kalshi.series")
    assert series["ticker"] == "KXCPI", "its fee terms are needed to trade it"

    stand.change(exclude_markets=(OVERREACTING,))
    look(stand)
    assert tracked(stand) == set()
    assert changes(stand) == [(OVERREACTING, "tracked"), (OVERREACTING, "untracked")]


def test_a_second_look_at_the_same_universe_records_no_change(loaded_stand: Stand) -> None:
    before = changes(loaded_stand)
    assert before
    look(loaded_stand)
    assert changes(loaded_stand) == before


def test_a_market_with_a_live_order_stays_tracked_though_it_is_excluded(
    loaded_stand: Stand,
) -> None:
    loaded_stand.creep()
    loaded_stand.judge_and_place()
    assert loaded_stand.order_requests() == 1
    loaded_stand.change(exclude_markets=(OVERREACTING,))
    look(loaded_stand)
    assert OVERREACTING in tracked(loaded_stand)


def test_a_market_is_followed_until_its_result_is_final(loaded_stand: Stand) -> None:
    stand = loaded_stand
    [market] = stand.rows("SELECT * FROM kalshi.markets WHERE ticker = :t", t=OVERREACTING)
    stand.at(market["close_at"].replace(microsecond=0))
    stand.later(3600)
    look(stand)
    assert OVERREACTING not in tracked(stand)
    stand.later(14 * 24 * 3600)
    look(stand)
    [settled] = stand.rows("SELECT * FROM kalshi.markets WHERE ticker = :t", t=OVERREACTING)
    assert (settled["status"], settled["result"] != "") == ("finalized", True)
    mine = [change for ticker, change in changes(stand) if ticker == OVERREACTING]
    assert mine[0] == "tracked"
    assert {"untracked", "settled"} <= set(mine)
