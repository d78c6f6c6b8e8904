"""What the journal is made of comes from the ledger; a week of it is written as often as wanted."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, text

from kalshi_assets.domain.account import Fill, Position, Settlement
from kalshi_assets.domain.journal import Journal, JournalOrder, Override, RoundTrip, RuleExit
from kalshi_assets.errors import LedgerNotOpen
from kalshi_assets.storage import account, books, ledger, schema
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.journal import read_books, read_earlier_books, save_week, sell_prices
from kalshi_assets_tests.risk.cases import NOW, TICKER
from kalshi_assets_tests.storage.test_ledger import ORDER, decision

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
WEEK = date(2026, 10, 11)
SUNDAY = datetime.fromisoformat("2026-10-11T04:00:00+00:00")  # midnight in New York
FILL = Fill("fill-1", "venue-1", TICKER, "no", 100, 680_000, 4_600, True, NOW)


def only_order(connection: Connection) -> JournalOrder:
    (order,) = read_books(connection, until=NOW + DAY).orders
    return order


def seen(**values: Any) -> dict[str, Any]:
    return {"seen": values, "inputs": {"fee_multiplier": "0.5"}, "limits": {}}


def test_an_order_comes_with_what_its_decision_saw(connection: Connection) -> None:
    inputs = seen(mean_micros="601234.5", mid_micros=685_000)
    ledger.save_decisions(connection, [replace(decision(1), inputs=inputs)])
    ledger.add_intent(connection, ORDER)
    ledger.move_order(connection, ORDER, "resting", at=NOW, venue_order_id="v", fill_count=100)
    assert only_order(connection) == JournalOrder(
        client_order_id="client-1",
        venue_order_id="v",
        signal_id="signal-1",
        strategy="mean_reversion",
        market_ticker=TICKER,
        leg="entry",
        side="no",
        limit_price=320_000,
        count=29_800,
        fill_count=100,
        yes_mean=Decimal("601234.5"),
        yes_mid=Decimal(685_000),
        fee_multiplier=Decimal("0.5"),
    )


def test_an_order_whose_decision_kept_nothing_is_still_ours(connection: Connection) -> None:
    ledger.add_intent(connection, ORDER)
    order = only_order(connection)
    assert (order.strategy, order.yes_mean, order.fee_multiplier) == (None, None, None)


EXPIRY = ORDER.expires_at


@pytest.mark.parametrize(
    ("reason", "at", "is_asked", "close_at", "taken_off_at"),
    [
        ("venue: canceled", NOW + SECOND, False, None, NOW + SECOND),
        ("venue: executed", NOW + SECOND, False, EXPIRY, NOW + SECOND),  # made smaller, then filled
        ("venue: canceled", NOW + SECOND, True, None, None),  # we asked for it
        ("venue: canceled", EXPIRY, False, EXPIRY + DAY, None),  # it may have expired
        ("venue: canceled", NOW + SECOND, False, NOW + SECOND, None),  # its market had closed
        ("", NOW + SECOND, False, None, None),  # the answer to the order itself
        ("venue: canceled", NOW + DAY, False, None, None),  # after the books' end
    ],
)
def test_an_entry_that_left_the_book_before_its_time_was_taken_off_by_a_hand(
    connection: Connection,
    reason: str,
    at: datetime,
    is_asked: bool,
    close_at: datetime | None,
    taken_off_at: datetime | None,
) -> None:
    late = replace(ORDER, expires_at=NOW + 9 * DAY) if at == NOW + DAY else ORDER
    ledger.add_intent(connection, late)
    ledger.move_order(connection, late, "resting", at=NOW, venue_order_id="v", reason="")
    if close_at is not None:
        add_market(connection, close_at=close_at)
    if is_asked:
        ledger.note_request(connection, late, "cancel", at=NOW, detail="its signal has ended")
    ledger.move_order(connection, late, "canceled", at=at, reason=reason)
    assert only_order(connection).taken_off_at == taken_off_at


def add_market(connection: Connection, ticker: str = TICKER, **changes: Any) -> None:
    values: dict[str, Any] = {
        **dict.fromkeys(("event_ticker", "series_ticker", "title", "status"), "x"),
        **dict.fromkeys(("open_at", "close_at", "first_seen_at", "seen_at"), NOW),
        "ticker": ticker,
        "grid": [],
        "result": "",
        "volume_24h": 0,
        "is_tracked": True,
    }
    connection.execute(insert(schema.markets).values(values | changes))


def test_results_are_known_where_a_market_ended_with_yes_or_no(connection: Connection) -> None:
    for result in ("yes", "no", "scalar", ""):
        add_market(connection, f"KX-{result}", result=result)
    assert read_books(connection, until=NOW).yes_values == {"KX-yes": 1_000_000, "KX-no": 0}


def an_exit(number: int, side: Any, *, reason: str = "stop", **sizes: int) -> ledger.Decision:
    sizes = {"yes_bid_size": 100, "yes_ask_size": 100} | sizes
    inputs = {"inputs": {"quote": {"yes_bid": 400_000, "yes_ask": 420_000, **sizes}}}
    made = replace(decision(number), kind="exit", reason=reason, side=side, inputs=inputs)
    return replace(made, decision_id=f"exit-{number}")


def test_a_rule_would_have_sold_at_the_bid_of_the_side_held(connection: Connection) -> None:
    ledger.save_decisions(
        connection,
        [
            an_exit(1, "yes"),
            an_exit(2, "no"),
            an_exit(3, "yes", yes_bid_size=0),
            an_exit(4, "no", yes_ask_size=0),
            an_exit(5, "no", reason="flatten"),
            replace(an_exit(6, "no"), inputs={"inputs": {"quote": None}}),
            decision(7),
        ],
    )
    assert read_books(connection, until=NOW).rule_exits == {
        (TICKER, "yes"): [RuleExit(NOW + SECOND, 400_000), RuleExit(NOW + 3 * SECOND, 0)],
        (TICKER, "no"): [RuleExit(NOW + 2 * SECOND, 580_000), RuleExit(NOW + 4 * SECOND, 0)],
    }


def test_books_begin_at_the_opening_and_end_before_a_moment(connection: Connection) -> None:
    held = Position(TICKER, -500, 1_600_000, 0, 0)
    books.add_opening(connection, at=NOW - DAY, cash_micros=1, positions=[held])
    early = replace(FILL, fill_id="early")
    account.save_fills(connection, [early], client_ids={}, is_before_opening=True)
    late = replace(FILL, fill_id="late", filled_at=NOW + SECOND)
    account.save_fills(connection, [FILL, late], client_ids={})
    paid = Settlement(TICKER, NOW, "no", 0, 600, 6_000_000, 0)
    account.save_settlements(connection, [paid, replace(paid, settled_at=NOW + SECOND)])
    read = read_books(connection, until=NOW + SECOND)
    assert (read.opened_at, read.held_at_opening) == (NOW - DAY, {TICKER: (-500, 1_600_000)})
    assert (read.fills, read.settlements) == ([FILL], [paid])
    earlier = read_earlier_books(connection)
    assert (earlier.opened_at, earlier.held_at_opening) == (None, {})
    assert (earlier.fills, earlier.settlements) == ([early], [])


def test_there_is_no_before_while_the_books_are_not_open(connection: Connection) -> None:
    with pytest.raises(LedgerNotOpen):
        read_earlier_books(connection)


def test_open_positions_are_marked_as_last_recorded_before_the_end(connection: Connection) -> None:
    held = [Position(ticker, 100, 1, 0, 0) for ticker in ("KX-A", "KX-B")]
    for seconds, prices in ((0, {"KX-A": 1, "KX-B": 2}), (1, {"KX-A": 3}), (2, {"KX-A": 4})):
        at = NOW + seconds * SECOND
        account.save_positions(connection, held, as_of=at, sell_prices=prices)
    assert sell_prices(connection, until=NOW + 2 * SECOND) == {"KX-A": 3}
    assert sell_prices(connection, until=NOW) == {}


def test_the_last_bid_of_a_market_is_its_newest_record_in_reach(connection: Connection) -> None:
    held = [Position("KX-A", 100, 1, 0, 0), Position("KX-B", -100, 1, 0, 0)]
    dollar = 1_000_000  # a result, no bid
    for seconds, prices in (
        (0, {"KX-A": 1, "KX-B": 2}),
        (1, {"KX-A": 3}),
        (2, {"KX-A": 0, "KX-B": dollar}),
    ):
        at = NOW + seconds * SECOND
        account.save_positions(connection, held, as_of=at, sell_prices=prices)

    def found(since: int, until: int) -> dict[str, account.RecordedBid]:
        span = {"since": NOW + since * SECOND, "until": NOW + until * SECOND}
        return account.last_bids(connection, ["KX-A", "KX-B", "KX-C"], **span)

    a, b = account.RecordedBid(100, 3), account.RecordedBid(-100, 2)
    assert found(0, 1) == {"KX-A": a, "KX-B": b}
    assert found(0, 9) == {"KX-A": replace(a, price=0), "KX-B": b}, "that nobody bid is known"
    assert found(1, 1) == {"KX-A": a}
    assert found(3, 9) == {}


TRIP = RoundTrip(
    trip_id="bot:S:no",
    kind="bot",
    strategy="mean_reversion",
    signal_id="S",
    market_ticker=TICKER,
    side="no",
    count=8_000,
    closed_count=8_000,
    entry_cost_micros=25_600_000,
    proceeds_micros=80_000_000,
    entry_fees_micros=1_218_600,
    exit_fees_micros=0,
    opened_at=NOW,
    closed_at=NOW + SECOND,
    closings=("settlement: no",),
    realized_micros=53_181_400,
    open_value_micros=0,
    mean_micros=400_000,
    mid_micros=315_000,
    limit_micros=340_000,
    entry_order_ids=("ours-1", "ours-2"),
    exit_order_ids=(),
)
OPEN = replace(TRIP, trip_id="bot:T:no", closed_at=None, closed_count=0, open_value_micros=None)
BEFORE = replace(TRIP, trip_id="bot:U:no", closed_at=SUNDAY - SECOND)
OVERRIDE = Override(
    kind="cancelled",
    at=NOW,
    market_ticker=TICKER,
    side="no",
    signal_id="S",
    trip_id=None,
    order_id="ours-1",
    count=100,
    came_micros=0,
    rule_micros=-5,
)
JOURNAL = Journal((TRIP, OPEN, BEFORE), (OVERRIDE, replace(OVERRIDE, at=SUNDAY - SECOND)), 0)


def written(connection: Connection, table: str = "trade_journal") -> dict[str, Any]:
    """Return a table's rows, each with the place it was written to, by what names it."""
    name = "trip_id" if table == "trade_journal" else "order_id"
    rows = connection.execute(text(f"SELECT ctid, * FROM kalshi.{table}"))  # noqa: S608
    return {row._mapping[name]: dict(row._mapping) for row in rows}


def test_a_week_holds_what_was_closed_in_it_and_what_is_open_at_its_end(
    connection: Connection,
) -> None:
    assert save_week(connection, JOURNAL, week=WEEK, since=SUNDAY) == 3
    rows = written(connection)
    assert rows.keys() == {TRIP.trip_id, OPEN.trip_id}
    row = rows[TRIP.trip_id]
    assert row["week"] == WEEK
    assert row["result_micros"] == 53_181_400
    assert (row["entry_price_micros"], row["exit_price_micros"]) == (320_000, 1_000_000)
    assert (row["edge_micros"], row["slippage_mid_micros"]) == (80_000, 5_000)
    assert row["slippage_limit_micros"] == -20_000
    assert row["entry_order_ids"] == ["ours-1", "ours-2"]
    assert rows[OPEN.trip_id]["result_micros"] is None
    assert written(connection, "overrides")["ours-1"]["gain_micros"] == 5


def test_writing_a_week_again_touches_only_what_changed(connection: Connection) -> None:
    save_week(connection, JOURNAL, week=WEEK, since=SUNDAY)
    before = written(connection), written(connection, "overrides")
    assert save_week(connection, JOURNAL, week=WEEK, since=SUNDAY) == 0
    assert (written(connection), written(connection, "overrides")) == before

    known = replace(OPEN, open_value_micros=26_000_000)
    changed = replace(JOURNAL, trips=(TRIP, known))
    assert save_week(connection, changed, week=WEEK, since=SUNDAY) == 1
    after = written(connection)
    assert after[TRIP.trip_id] == before[0][TRIP.trip_id]
    assert after[OPEN.trip_id]["open_value_micros"] == 26_000_000


def test_what_is_no_trip_any_more_leaves_its_week_and_no_other(connection: Connection) -> None:
    save_week(connection, JOURNAL, week=WEEK, since=SUNDAY)
    save_week(connection, JOURNAL, week=WEEK + 7 * DAY, since=SUNDAY + 7 * DAY)
    assert save_week(connection, Journal((TRIP,), (), 0), week=WEEK, since=SUNDAY) == 2
    weeks = "SELECT week, trip_id FROM kalshi.trade_journal ORDER BY week"
    assert [tuple(row) for row in connection.execute(text(weeks))] == [
        (WEEK, TRIP.trip_id),
        (WEEK + 7 * DAY, OPEN.trip_id),
    ]
    assert connection.scalar(text("SELECT count(*) FROM kalshi.overrides")) == 0
