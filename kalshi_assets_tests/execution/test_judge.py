"""What the venue does not tell refuses; what the ledger keeps of a judgement; what is held."""

import json
from datetime import timedelta
from typing import Any

import pytest

from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.execution.account import read_statement, record_positions
from kalshi_assets.execution.judge import judge_open_signals
from kalshi_assets.execution.place import place_approved
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets_tests.execution.faults import (
    CREATE,
    MARKETS,
    OnOperation,
    Row,
    altered_markets,
    altering,
    answering,
    error_after_execution,
)
from kalshi_assets_tests.stand import OVERREACTING, Stand

HELD = "KXCPIYOY-26OCT-T3.0"


def judge(stand: Stand) -> dict[str, Any]:
    """Judge once, and return the newest decision on the overreacting market."""
    stand.creep()
    stand.later(0.05)
    with stand.desk() as desk:
        judge_open_signals(desk)
    return decisions(stand)[-1]


def judge_and_place(stand: Stand) -> None:
    stand.creep()
    with stand.desk() as desk:
        judge_open_signals(desk)
        place_approved(desk)


def decisions(stand: Stand) -> list[dict[str, Any]]:
    query = "SELECT * FROM kalshi.decisions WHERE market_ticker = :ticker ORDER BY judged_at"
    return stand.rows(query, ticker=OVERREACTING)


def gates(decision: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {gate["gate"]: gate for gate in decision["gates"]}


def without(name: str) -> Any:
    return altering(lambda document: {k: v for k, v in document.items() if k != name})


NO_ACCOUNT = ["portfolio_known", "daily_loss", "existing_position", "size"]
NO_QUOTE = ["market_active", "volume", "spread", "price_known"]


@pytest.mark.parametrize(
    ("operation", "answer", "unknown"),
    [
        ("GetBalance", answering(500), NO_ACCOUNT),
        (
            "GetBalance",
            without("balance_dollars"),
            NO_ACCOUNT,
        ),
        (
            "GetPositions",
            answering(401),
            NO_ACCOUNT,
        ),
        (
            "GetPositions",
            without("market_positions"),
            NO_ACCOUNT,
        ),
        ("GetExchangeStatus", without("trading_active"), ["exchange_open", "shard_open"]),
        (MARKETS, answering(503), NO_QUOTE),
        (MARKETS, without("markets"), NO_QUOTE),
    ],
)
def test_what_the_venue_does_not_tell_is_unknown_and_refuses(
    loaded_stand: Stand, operation: str, answer: Any, unknown: list[str]
) -> None:
    loaded_stand.faults.fault = OnOperation(operation, answer)

    decision = judge(loaded_stand)

    assert decision["refused_by"] == unknown
    assert {gates(decision)[name]["value"] for name in unknown} == {"unknown"}
    assert loaded_stand.order_requests() == 0


def test_with_no_way_to_the_exchange_nothing_is_ordered_and_every_signal_has_its_row(
    loaded_stand: Stand,
) -> None:
    loaded_stand.change(api_url="http://127.0.0.1:9/trade-api/v2")

    loaded_stand.judge_and_place(expect_success=False)

    assert loaded_stand.order_requests() == 0
    rows = loaded_stand.rows("SELECT refused_by FROM kalshi.decisions")
    assert len(rows) == 5
    assert all({"exchange_open", "portfolio_known"} <= set(row["refused_by"]) for row in rows)


def test_a_ledger_that_cannot_be_reconciled_refuses_and_says_so(loaded_stand: Stand) -> None:
    """An order's outcome is unknown, and the list of orders cannot be read."""
    loaded_stand.faults.fault = OnOperation(CREATE, error_after_execution)
    loaded_stand.patch.setattr("kalshi_assets.execution.place.reconcile", lambda desk: 0)
    judge_and_place(loaded_stand)
    loaded_stand.faults.fault = OnOperation("GetOrders", answering(500))

    loaded_stand.later(1)
    loaded_stand.judge_and_place(expect_success=False)

    [_, refused] = decisions(loaded_stand)
    assert gates(refused)["live_order"]["value"] == "unknown"
    others = loaded_stand.rows("SELECT DISTINCT market_ticker FROM kalshi.decisions")
    assert len(others) == 5, "the why-not ledger is written all the same"
    assert loaded_stand.order_requests() == 1


def test_the_ledger_gets_a_row_only_when_the_answer_changes(loaded_stand: Stand) -> None:
    loaded_stand.faults.fault = OnOperation("GetBalance", answering(500))
    for _ in range(3):
        judge(loaded_stand)
    assert len(decisions(loaded_stand)) == 1

    loaded_stand.faults.fault = OnOperation("GetExchangeStatus", answering(500))
    for _ in range(2):
        judge(loaded_stand)
    assert [row["refused_by"] for row in decisions(loaded_stand)] == [
        NO_ACCOUNT,
        ["exchange_open", "shard_open"],
    ]


def test_volume_and_status_are_those_of_the_fresh_quote_not_of_the_polled_one(
    loaded_stand: Stand,
) -> None:
    loaded_stand.faults.fault = altered_markets(
        lambda row: [{**row, "volume_24h_fp": "200.00", "status": "inactive"}]
    )

    decision = judge(loaded_stand)

    assert decision["refused_by"] == ["market_active", "volume"]
    assert gates(decision)["volume"]["value"] == "200 contracts"


def test_a_decision_keeps_what_it_saw(loaded_stand: Stand) -> None:
    decision = judge(loaded_stand)

    seen = decision["inputs"]["seen"]
    assert decision["outcome"] == "approved"
    assert seen["portfolio_value_micros"] == seen["cash_micros"] == 5_000_000_000
    assert seen["yes_bid_micros"] == 1_000_000 - seen["reference_price_micros"]
    assert seen["average_hash"]
    assert len(seen["verdict_ids"]) == 13
    assert json.dumps(decision["gates"])


def hold_by_hand(stand: Stand, ticker: str = HELD, contracts: int = 10) -> None:
    """Buy YES of a market by hand, at any price."""
    expires = stand.now + timedelta(minutes=5)
    with stand.desk() as desk:
        desk.venue.create_order(
            OrderRequest(f"by hand {ticker}", ticker, "yes", 990_000, contracts * 100, expires)
        )


def test_what_is_held_counts_at_the_bid_it_could_be_sold_at(loaded_stand: Stand) -> None:
    hold_by_hand(loaded_stand)

    seen = judge(loaded_stand)["inputs"]["seen"]

    with loaded_stand.desk() as desk:
        [snapshot] = desk.venue.markets(tickers=[HELD]).snapshots
    worth = 10 * snapshot.quote.yes_bid
    assert seen["cash_micros"] < 5_000_000_000
    assert seen["portfolio_value_micros"] == seen["cash_micros"] + worth


def test_what_is_held_counts_nothing_where_nobody_bids(loaded_stand: Stand) -> None:
    hold_by_hand(loaded_stand)

    def no_bid(row: Row) -> list[Row]:
        empty = {"yes_bid_size_fp": "0.00", "yes_bid_dollars": "0.0000"}
        return [{**row, **empty} if row["ticker"] == HELD else row]

    loaded_stand.faults.fault = altered_markets(no_bid)
    seen = judge(loaded_stand)["inputs"]["seen"]

    assert seen["portfolio_value_micros"] == seen["cash_micros"]


def test_what_is_held_of_a_closed_market_counts_its_last_bid_and_makes_no_order_larger(
    loaded_stand: Stand,
) -> None:
    hold_by_hand(loaded_stand)
    with loaded_stand.desk() as desk:
        statement = read_statement(desk)
        record_positions(desk, statement)
    worth = statement.positions_value_micros
    closed = {"status": "closed", "yes_bid_size_fp": "0.00", "yes_ask_size_fp": "0.00"}
    loaded_stand.faults.fault = altered_markets(
        lambda row: [{**row, **closed} if row["ticker"] == HELD else row]
    )

    decision = judge(loaded_stand)

    seen, account = decision["inputs"]["seen"], decision["inputs"]["inputs"]["account"]
    assert worth
    assert seen["portfolio_value_micros"] == seen["cash_micros"] + worth
    assert (account["waiting_micros"], account["unmarked"]) == (worth, [])


def test_a_held_market_without_a_quote_makes_the_value_unknown_and_refuses(
    loaded_stand: Stand,
) -> None:
    hold_by_hand(loaded_stand)
    loaded_stand.faults.fault = altered_markets(lambda row: [] if row["ticker"] == HELD else [row])

    decision = judge(loaded_stand)

    assert decision["refused_by"] == ["portfolio_known", "daily_loss", "size"]
    assert decision["inputs"]["seen"]["portfolio_value_micros"] is None


def test_an_existing_position_refuses(loaded_stand: Stand) -> None:
    hold_by_hand(loaded_stand, OVERREACTING, 1)

    decision = judge(loaded_stand)

    assert decision["refused_by"] == ["existing_position"]
    assert gates(decision)["existing_position"]["value"] == "1 contracts"


def test_an_order_larger_than_the_best_level_rests_with_its_rest_and_keeps_others_out(
    loaded_stand: Stand,
) -> None:
    loaded_stand.change(max_trade_pct=10, max_order_usd=1_000)
    judge_and_place(loaded_stand)
    [order] = orders(loaded_stand)
    assert order["status"] == "resting"
    assert 0 < order["fill_count"] < order["count"]

    refused = judge(loaded_stand)
    assert refused["refused_by"] == ["existing_position", "live_order", "attempts"]
    promised = (order["count"] - order["fill_count"]) * order["limit_price"] // 100
    with loaded_stand.desk() as desk:
        cash = desk.venue.balance().cash_micros
    assert refused["inputs"]["seen"]["cash_micros"] == cash - promised

    loaded_stand.later(loaded_stand.settings.order_ttl_seconds)
    with loaded_stand.desk() as desk:
        reconcile(desk)
    [ended] = orders(loaded_stand)
    assert ended["status"] in ("canceled", "filled"), "whether the rest was sold is the tape's"
    assert ended["fill_count"] >= order["fill_count"]
    assert loaded_stand.order_requests() == 1


def test_an_order_that_expired_unfilled_is_followed_by_a_second_attempt(
    loaded_stand: Stand,
) -> None:
    """It was priced at a bid that had gone when it arrived: it rested, and nobody came."""

    def better(row: Row) -> list[Row]:
        size = {"yes_bid_dollars": f"{float(row['yes_bid_dollars']) + 0.02:.4f}"}
        return [{**row, **size, "yes_ask_dollars": f"{float(row['yes_ask_dollars']) + 0.02:.4f}"}]

    loaded_stand.faults.fault = altered_markets(better)
    judge_and_place(loaded_stand)
    [order] = orders(loaded_stand)
    assert (order["status"], order["fill_count"]) == ("resting", 0)

    loaded_stand.faults.fault = None
    loaded_stand.later(loaded_stand.settings.order_ttl_seconds + 1)
    loaded_stand.execute("UPDATE kalshi.signals SET last_seen_at = last_seen_at + interval '3 min'")
    loaded_stand.execute("UPDATE kalshi.verdicts SET as_of = as_of + interval '3 min'")
    judge_and_place(loaded_stand)

    first, second = orders(loaded_stand)
    assert (first["status"], first["attempt"]) == ("canceled", 1)
    assert (second["status"], second["attempt"]) == ("filled", 2)
    assert loaded_stand.order_requests() == 2


def orders(stand: Stand) -> list[dict[str, Any]]:
    return stand.rows("SELECT * FROM kalshi.orders ORDER BY attempt")


def test_a_resting_order_that_the_venue_lists_no_more_is_dead_once_it_must_have_expired(
    loaded_stand: Stand,
) -> None:
    loaded_stand.change(max_trade_pct=10, max_order_usd=1_000)
    judge_and_place(loaded_stand)
    [order] = orders(loaded_stand)
    assert order["status"] == "resting"
    loaded_stand.execute("UPDATE kalshi.orders SET client_order_id = 'a database of another day'")

    loaded_stand.later(loaded_stand.settings.order_ttl_seconds)
    with loaded_stand.desk() as desk:
        reconcile(desk)
    assert [row["status"] for row in orders(loaded_stand)] == ["resting"], "the list may lag"

    loaded_stand.later(60)
    with loaded_stand.desk() as desk:
        reconcile(desk)
    [ended] = orders(loaded_stand)
    assert ended["status"] == "canceled"
    assert ended["reason"] == "the venue does not list it"
