"""An account's past over both tiers is read whole and once, whatever happens while it is read."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kalshi_assets.domain.price import micros
from kalshi_assets.errors import HistoryDiffers, PayloadError, RateLimited
from kalshi_assets.execution import earlier_rows, importing
from kalshi_assets.execution.books import Comparison, compare
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.rate_limit import BucketSize, OwnBook, RateLimits, Tier
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets.storage import books
from kalshi_assets.storage.history_imports import Pass
from kalshi_assets.storage.journal import read_books, read_earlier_books
from kalshi_assets_tests.exchange_rest.world import write_key
from kalshi_assets_tests.execution.faults import OnOperation, altering, answering
from kalshi_assets_tests.execution.past_bench import (
    FIRST,
    HOUR,
    LATER,
    OPEN,
    SCALAR,
    Killed,
    PastBench,
    Watched,
    past_bench,
)
from kalshi_assets_tests.execution.test_books import causes, of_scheme
from kalshi_assets_tests.local_exchange.bench import NOON_MS
from kalshi_assets_tests.stand import DatabaseMaker

HISTORICAL_FILLS, HISTORICAL_ORDERS = "GetFillsHistorical", "GetHistoricalOrders"
PROGRESS = "SELECT * FROM kalshi.history_imports ORDER BY kind, tier"


@pytest.fixture
def bench(make_database: DatabaseMaker, tmp_path: Path) -> Iterator[PastBench]:
    with past_bench(make_database(), tmp_path) as made:
        yield made


def test_both_tiers_are_read_whole_and_each_row_once(bench: PastBench) -> None:
    assert len(bench.here("fills")) < len(bench.at_venue("fills")), "the rest is archived"

    found = bench.run()

    bench.is_all_here()
    assert found.is_whole, found.disagreements
    added = {(p.kind, p.tier): p.added for p in found.passes}
    assert added["fills", "live"] == added["settlements", "live"] == 0, "the opening had them"
    assert added["fills", "historical"] > 0
    assert added["orders", "historical"] > 0
    assert found.worked_out == 2, "the exchange keeps no settlements that old"
    rows = [p.rows for p in found.passes]
    assert found.pages_asked == sum(max(1, -(-count // 4)) for count in rows)


def test_settlements_that_no_list_tells_are_those_that_were_paid(bench: PastBench) -> None:
    listed = {s.market_ticker for s in bench.client.settlements()}
    assert not listed & {FIRST, SCALAR}

    bench.run()

    here = {row["market_ticker"]: row for row in bench.here("settlements")}
    for paid in bench.at_venue("settlements"):
        kept = here[paid["ticker"]]
        assert kept["result"] == paid["result"]
        assert kept["yes_count"] - kept["no_count"] == paid["position"]
        assert round(kept["settled_at"].timestamp() * 1000) == paid["settled_ms"]
        assert kept["fee_micros"] == paid["fees_micros"]
        # The exchange states whole cents; what is worked out is exact.
        assert 0 <= paid["revenue_micros"] - kept["revenue_micros"] < 10_000
        if paid["ticker"] in (FIRST, SCALAR):
            assert kept["revenue_micros"] == paid["revenue_micros"]


def test_the_journal_of_that_time_is_what_the_account_made(bench: PastBench) -> None:
    bench.run()
    with bench.owner.transaction() as connection:
        opened = books.opening(connection)
        earlier = read_earlier_books(connection)
    assert opened is not None
    journal = journal_of(earlier, sell_prices={})
    open_at_opening = [trip for trip in journal.trips if trip.closed_at is None]
    still_in = sum(
        (trip.entry_cost_micros + trip.entry_fees_micros)
        * (trip.count - trip.closed_count)
        // trip.count
        for trip in open_at_opening
    )
    made = sum(trip.realized_micros for trip in journal.trips)
    assert abs(micros("5000") + made - still_in - opened.cash_micros) <= len(journal.trips)
    assert {trip.kind for trip in journal.trips} == {"manual"}
    assert {trip.market_ticker for trip in open_at_opening} == set(opened.positions) == {OPEN}
    assert journal.unassigned_micros == 0


def states(bench: PastBench) -> tuple[Comparison, Any, Any]:
    """Return the books' own words: sums, journal, and the rows that are theirs."""
    made = bench.desk_bench
    stated = compare(made.desk)
    with bench.owner.transaction() as connection:
        read = read_books(connection, until=made.desk.clock.now() + timedelta(days=1))
    own = [
        made.rows(f"SELECT * FROM kalshi.{table} WHERE NOT is_before_opening ORDER BY 1")  # noqa: S608  ours
        for table in ("fills", "settlements")
    ]
    return stated, journal_of(read, sell_prices={}), own


def test_an_import_changes_nothing_of_the_books_of_what_runs(bench: PastBench) -> None:
    made = bench.desk_bench
    made.buy("yes", "0.70", "2", ticker=OPEN)
    made.by_hand("ask", "0.20", "1", ticker=OPEN)
    made.floor.wait(60)
    reconcile(made.desk)
    before = states(bench)
    assert before[0].is_equal, before[0].sentence

    trading = Watched(bench.client, before=lambda number: trade_between_pages(bench, number))
    assert bench.run(trading).is_whole

    bench.is_all_here()
    after = states(bench)
    assert after[0].is_equal, after[0].sentence
    assert len(after[1].trips) > len(before[1].trips), "it went on trading meanwhile"
    bench.forget()
    assert states(bench) == after, "nothing of before is in any sum"
    assert causes(made) == []


def trade_between_pages(bench: PastBench, number: int) -> None:
    if number % 3 == 0:
        bench.desk_bench.buy("yes", "0.70", "0.50", ticker=OPEN)
        bench.desk_bench.floor.wait(1)
        reconcile(bench.desk_bench.desk)


def test_killed_at_any_page_it_goes_on_and_asks_for_no_page_again_that_was_kept(
    bench: PastBench,
) -> None:
    bench.forget_all()
    for seed in range(6):
        die_and_go_on(bench, Random(seed), "after" if seed % 2 else "before")  # noqa: S311  no secret
        bench.forget_all()
        bench.desk_bench.tamper("DELETE FROM kalshi.history_imports")


def die_and_go_on(bench: PastBench, draw: Random, moment: str) -> None:
    """Let imports die before they ask, or after they were answered, until one comes through."""
    every = Watched(bench.client)

    def kill(number: int) -> None:
        if draw.random() < 0.4:
            raise Killed

    while True:
        past = Watched(bench.client)
        setattr(past, moment, kill)
        try:
            found = bench.run(past)
            break
        except Killed:
            every.asked += past.asked[: -1 if moment == "after" else None]
    every.asked += past.asked
    bench.is_all_here()
    assert found.is_whole
    assert len(every.asked) == len(set(every.asked)), "no page was kept twice"
    assert len(every.asked) == sum(p.pages for p in found.passes)


def test_a_page_and_that_it_is_read_are_kept_as_one(
    bench: PastBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.forget_all()

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(importing, "save_pass", die)
        with pytest.raises(Killed):
            bench.run()
    assert bench.desk_bench.rows("SELECT * FROM kalshi.foreign_orders") == []
    assert bench.desk_bench.rows(PROGRESS) == []


MOVES = [[0, 3600, 3600, 0, 7200], [1200] * 9, [0] * 9 + [4 * HOUR], [3 * HOUR] * 3]


@pytest.mark.parametrize(
    ("moves", "dies_at"), [(MOVES[0], None), (MOVES[1], 13), (MOVES[2], None), (MOVES[3], 4)]
)
def test_what_moves_to_the_other_tier_between_two_pages_is_neither_lost_nor_doubled(
    bench: PastBench, moves: list[int], dies_at: int | None
) -> None:
    floor = bench.desk_bench.floor
    bench.forget_all()

    def move(number: int) -> None:
        if number == dies_at:
            floor.wait(5 * HOUR)  # before anybody starts it again
            raise Killed
        floor.wait(moves[number] if number < len(moves) else 0)

    try:
        found = bench.run(Watched(bench.client, before=move))
    except Killed:
        found = bench.run()
    bench.is_all_here()
    assert found.is_whole, found.disagreements


def test_a_later_run_asks_only_for_what_is_new(
    bench: PastBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "OVERLAP", timedelta(minutes=1))
    bench.run()
    rows = {t: bench.desk_bench.rows(f"SELECT * FROM kalshi.{t}") for t in ("fills", "settlements")}  # noqa: S608  ours
    later = Watched(bench.client)

    found = bench.run(later)

    assert later.asked == [(p.kind, p.tier, "") for p in found.passes], "one page of each"
    assert all(since is not None for since in later.since)
    assert sum(p.rows for p in found.passes) <= 2 * len(found.passes)
    assert sum(p.added for p in found.passes) == found.worked_out == 0
    assert rows == {t: bench.desk_bench.rows(f"SELECT * FROM kalshi.{t}") for t in rows}  # noqa: S608  ours


def patient_client(bench: PastBench, folder: Path) -> KalshiClient:
    """Return a client that tries again, and does not wait long for it."""
    from kalshi_assets.kalshi.auth import RequestSigner

    plenty = BucketSize(1e9, 1e9)
    return KalshiClient(
        bench.desk_bench.floor.url,
        auth=RequestSigner("me", write_key(folder)),
        retry=RetryPolicy(sleep=lambda seconds: None),
        limits=RateLimits(OwnBook(Tier(plenty, plenty))),
    )


def test_sent_away_for_too_many_calls_it_tries_again_and_else_another_run_does(
    bench: PastBench, tmp_path: Path
) -> None:
    (folder := tmp_path / "again").mkdir()
    with patient_client(bench, folder) as client:
        bench.desk_bench.faults.fault = OnOperation(HISTORICAL_ORDERS, answering(429), times=2)
        assert (
            bench.importing(client)
            ._through(  # as long as it passes by itself, nobody is told
                Pass("orders", "historical")
            )
            .is_done
        )
        bench.desk_bench.faults.fault = OnOperation(HISTORICAL_FILLS, answering(429))
        with pytest.raises(RateLimited):
            bench.run(client)
    bench.desk_bench.faults.fault = None
    assert bench.run().is_whole
    bench.is_all_here()


def spoil(page: Any) -> Any:
    """Return a page of fills whose last row has a count that is none."""
    *rest, last = page["fills"]
    return {**page, "fills": [*rest, {**last, "count_fp": 3}]}


def test_a_malformed_row_is_quarantined_with_its_bytes_and_costs_no_other(
    bench: PastBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "OVERLAP", timedelta(minutes=1))
    fault = OnOperation(HISTORICAL_FILLS, altering(spoil), times=1)
    bench.desk_bench.faults.fault = fault

    found = bench.run()

    assert not found.is_whole
    assert sum(p.malformed for p in found.passes) == 1
    assert len(bench.here("fills")) == len(bench.at_venue("fills")) - 1
    [bad] = bench.desk_bench.rows("SELECT source, reason, payload FROM kalshi.quarantine")
    assert bad["source"] == "GET /historical/fills"
    assert "count_fp" in bad["reason"]
    assert b'"count_fp": 3' in bytes(bad["payload"])
    assert found.worked_out == 0, "with a fill missing, what was held is not known"
    assert found.disagreements

    again = bench.run()

    assert again.is_whole, "the list is asked for again, and its row read"
    assert again.worked_out == 2
    bench.is_all_here()


def test_a_page_that_is_none_is_quarantined_and_read_by_the_next_run(bench: PastBench) -> None:
    nonsense = OnOperation(HISTORICAL_ORDERS, altering(lambda page: {"orders": 7}), times=1)
    bench.desk_bench.faults.fault = nonsense
    with pytest.raises(PayloadError):
        bench.run()
    [bad] = bench.desk_bench.rows("SELECT source, payload FROM kalshi.quarantine")
    assert (bad["source"], bytes(bad["payload"])) == ("historical orders", b'{"orders": 7}')
    assert bench.run().is_whole
    bench.is_all_here()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE kalshi.fills SET fee_micros = fee_micros + 1", "fill"),
        ("UPDATE kalshi.settlements SET yes_count = yes_count + 1", "settlement"),
        ("UPDATE kalshi.foreign_orders SET side = 'both'", "order"),
    ],
)
def test_a_row_that_is_known_otherwise_is_an_error_that_names_both(
    bench: PastBench, statement: str, told: str
) -> None:
    bench.desk_bench.tamper(statement)
    before = bench.here("fills"), bench.here("settlements")
    with pytest.raises(HistoryDiffers, match=rf"(?s)tells a {told} otherwise.*told .*kept "):
        bench.run()
    assert (bench.here("fills"), bench.here("settlements")) == before


def test_a_row_that_came_twice_and_differs_is_an_error(bench: PastBench) -> None:
    def doubled(page: Any) -> Any:
        first, *rest = page["fills"]
        return {**page, "fills": [first, {**first, "fee_cost": "9.0000"}, first, *rest]}

    bench.desk_bench.faults.fault = OnOperation(HISTORICAL_FILLS, altering(doubled))
    with pytest.raises(HistoryDiffers):
        bench.run()


def test_what_is_not_surely_of_before_the_opening_is_left_to_the_books(
    bench: PastBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_rows, "DOUBT", timedelta(hours=3))  # nothing was traded for two
    newest = "SELECT fill_id FROM kalshi.fills ORDER BY filled_at DESC LIMIT 1"
    [doubtful] = bench.desk_bench.rows(newest)
    bench.desk_bench.tamper(f"DELETE FROM kalshi.fills WHERE fill_id = '{doubtful['fill_id']}'")  # noqa: S608  ours
    found = bench.run()
    assert doubtful["fill_id"] not in {row["fill_id"] for row in bench.here("fills")}
    assert sum(p.left_out for p in found.passes if p.kind == "fills") == 1
    assert found.disagreements, "it says so"


def test_an_order_of_our_scheme_is_of_earlier_only_where_it_was_dead_before(
    make_database: DatabaseMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that still rested then may be another host's: seeing it, the books must halt."""
    from kalshi_assets_tests.execution import past_bench as module

    trade = module.trade_by_hand

    def with_a_host(bench: Any) -> None:
        bench.by_hand("bid", "0.70", "1", client_order_id=of_scheme(1))
        bench.by_hand("bid", "0.01", "1", client_order_id=of_scheme(2), ticker=OPEN)
        trade(bench)

    monkeypatch.setattr(module, "trade_by_hand", with_a_host)
    monkeypatch.setattr(module, "reconcile", lambda desk, is_whole: None)
    with past_bench(make_database(), tmp_path) as bench:
        bench.run()
        query = "SELECT client_order_id, kind FROM kalshi.foreign_orders WHERE kind <> 'manual'"
        assert bench.desk_bench.rows(query) == [
            {"client_order_id": of_scheme(1), "kind": "earlier"}
        ]
        reconcile(bench.desk_bench.desk, is_whole=True)
        assert causes(bench.desk_bench) == ["unknown_order"]


def test_progress_is_kept_by_venue_list_and_tier(bench: PastBench) -> None:
    bench.run()
    rows = bench.desk_bench.rows(PROGRESS)
    assert [(row["venue"], row["kind"], row["tier"]) for row in rows] == [
        ("local", "fills", "historical"),
        ("local", "fills", "live"),
        ("local", "orders", "historical"),
        ("local", "orders", "live"),
        ("local", "settlements", "live"),
    ]
    assert all(row["is_done"] and row["pages"] >= 1 and row["cursor"] == "" for row in rows)


def test_what_is_archived_is_not_listed_any_more(bench: PastBench) -> None:
    """The exchange's tiers do here what the test is about."""
    floor = bench.desk_bench.floor
    live, old = bench.client.fills(), bench.client.historical_fills()
    assert live
    assert old
    assert all(f.filled_at.timestamp() * 1000 < NOON_MS + 8 * HOUR * 1000 for f in old)
    assert {s.market_ticker for s in bench.client.settlements()} == {LATER}
    floor.wait(5 * HOUR)
    assert bench.client.settlements() == []
