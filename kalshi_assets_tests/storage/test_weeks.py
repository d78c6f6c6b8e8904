"""A week is read as it was: what is of it, priced and timed, and nothing that came after it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, text

from kalshi_assets.domain.account import Settlement
from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.stream import Gap
from kalshi_assets.domain.week import Week
from kalshi_assets.domain.week_inputs import (
    Calls,
    CheckCount,
    EntryOrder,
    EquityPoint,
    RefusedDecision,
    SettingChange,
    Stretch,
    Transfer,
    WeekInputs,
)
from kalshi_assets.storage import account, books, gaps, ledger, schema
from kalshi_assets.storage.api_calls import KEPT, save_calls
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.settings_history import note_settings
from kalshi_assets.storage.trading_state import change_state
from kalshi_assets.storage.verdicts import NewVerdict, save_verdicts
from kalshi_assets.storage.weekly_reviews import StoredReview, newest, save_review
from kalshi_assets.storage.weeks import COURSE_POINTS, forgotten_of, read_courses, read_week
from kalshi_assets_tests.risk.cases import NOW, TICKER
from kalshi_assets_tests.storage.test_journal import add_market
from kalshi_assets_tests.storage.test_ledger import ORDER, decision

WEEK = Week(date(2026, 10, 11))
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
BEGIN, END = WEEK.begin, WEEK.end
LAST = END - SECOND


def read(connection: Connection, *, as_of: datetime = END + DAY) -> WeekInputs:
    return read_week(connection, WEEK, as_of=as_of)


def test_a_week_in_which_nothing_happened_has_nothing(connection: Connection) -> None:
    assert read(connection) == WeekInputs(
        week=WEEK,
        as_of=END + DAY,
        equity=[],
        transfers=[],
        refused=[],
        orders=[],
        checks=[],
        gaps=[],
        halts=[],
        calls=[],
        changes=[],
    )


def test_a_week_that_has_not_begun_cannot_be_read(connection: Connection) -> None:
    with pytest.raises(ValueError, match="2026-10-11 begins after"):
        read(connection, as_of=BEGIN)


QUOTE = {"yes_bid": 680_000, "yes_bid_size": 100, "yes_ask": 690_000, "yes_ask_size": 100}


def refuse(connection: Connection, number: int, **changes: Any) -> ledger.Decision:
    """Write a refusal of a NO that would have cost 32 cents."""
    given = {"seen": {}, "inputs": {"quote": QUOTE, "fee_multiplier": "0.5"}, "limits": {}}
    values: dict[str, Any] = {
        "decision_id": f"refusal-{number}",
        "outcome": "refused",
        "refused_by": ["spread", "hours"],
        "judged_at": NOW,
        "side": "no",
        "count": 8_000,
        "inputs": given,
    }
    made = replace(decision(number), **values | changes)
    ledger.save_decisions(connection, [made])
    return made


def only_refusal(connection: Connection) -> RefusedDecision:
    (found,) = read(connection).refused
    return found


def test_a_refusal_comes_with_what_would_have_been_bought(connection: Connection) -> None:
    refuse(connection, 1)
    assert only_refusal(connection) == RefusedDecision(
        decision_id="refusal-1",
        signal_id=decision(1).signal_id,
        judged_at=NOW,
        gates=("spread", "hours"),
        side="no",
        ask_micros=320_000,
        count=8_000,
        fee_multiplier=Decimal("0.5"),
    )


@pytest.mark.parametrize(
    ("side", "quote", "ask"),
    [
        ("yes", QUOTE, 690_000),
        ("yes", QUOTE | {"yes_ask_size": 0}, None),
        ("no", QUOTE | {"yes_bid_size": 0}, None),
        ("no", None, None),
    ],
)
def test_what_nobody_sold_has_no_price(
    connection: Connection, side: str, quote: Any, ask: int | None
) -> None:
    refuse(connection, 1, side=side, inputs={"inputs": {"quote": quote}, "seen": {}})
    assert only_refusal(connection).ask_micros == ask
    assert only_refusal(connection).fee_multiplier is None


@pytest.mark.parametrize(
    "changes",
    [
        {"judged_at": BEGIN - SECOND},
        {"judged_at": END},
        {"outcome": "approved", "refused_by": []},
        {"kind": "exit"},
    ],
)
def test_only_entries_refused_in_the_week_are_refusals(
    connection: Connection, changes: dict[str, Any]
) -> None:
    refuse(connection, 1, **changes)
    assert read(connection).refused == []


def order_of(refusal: ledger.Decision, at: datetime, *, leg: str = "entry") -> ledger.Order:
    return replace(ORDER, signal_id=refusal.signal_id, created_at=at, leg=leg)


@pytest.mark.parametrize(("at", "is_later"), [(NOW, True), (NOW + HOUR, True), (END, False)])
def test_what_was_ordered_after_all_is_told(
    connection: Connection, at: datetime, is_later: bool
) -> None:
    late = order_of(refuse(connection, 1), at)
    ledger.add_intent(connection, replace(late, expires_at=at + HOUR))
    assert only_refusal(connection).was_ordered_later is is_later


def test_a_signal_that_was_ordered_is_refused_by_nothing_that_follows(
    connection: Connection,
) -> None:
    refusal = refuse(connection, 1)
    ledger.add_intent(connection, order_of(refusal, NOW - SECOND))
    assert read(connection).refused == []


def test_an_exit_is_no_order_of_a_signal_that_was_refused(connection: Connection) -> None:
    ledger.add_intent(connection, order_of(refuse(connection, 1), NOW - SECOND, leg="exit"))
    assert not only_refusal(connection).was_ordered_later


@pytest.mark.parametrize(("result", "value"), [("yes", 1_000_000), ("no", 0), ("void", None)])
def test_a_result_prices_a_refusal_whenever_it_came(
    connection: Connection, result: str, value: int | None
) -> None:
    add_market(connection, result=result)
    refuse(connection, 1)
    assert only_refusal(connection).yes_result_micros == value


@pytest.mark.parametrize(
    ("held", "paid", "value"),
    [((500, 0), 1_250_000, 250_000), ((0, 500), 3_750_000, 250_000), ((500, 500), 5_000_000, None)],
)
def test_a_scalar_result_is_known_where_it_was_paid(
    connection: Connection, held: tuple[int, int], paid: int, value: int | None
) -> None:
    add_market(connection, result="scalar")
    refuse(connection, 1)
    assert only_refusal(connection).yes_result_micros is None
    told = Settlement(TICKER, NOW, "scalar", *held, paid, 0)
    account.save_settlements(connection, [told])
    assert only_refusal(connection).yes_result_micros == value


def add_tick(connection: Connection, at: datetime, mid: int, **changes: Any) -> None:
    ensure_day_partitions(connection, schema.clean_ticks, [at.date(), at.date() - DAY])
    values: dict[str, Any] = {
        "observed_at": at,
        "market_ticker": TICKER,
        "source": "poll",
        "source_key": "",
        "yes_bid": mid,
        "yes_ask": mid,
        "mid": mid,
        "spread": 0,
        "hold_ms": 300_000,
        "is_usable": True,
        "faults": [],
        "price_ms": 0,
        "covered_ms": 0,
        "tick_count": 1,
    }
    connection.execute(insert(schema.clean_ticks).values(values | changes))


def test_without_a_result_the_last_price_of_the_week_prices_a_refusal(
    connection: Connection,
) -> None:
    refuse(connection, 1)
    connection.execute(
        insert(schema.daily_summaries),
        [
            {"day": day, "market_ticker": TICKER, "mid_close": close, "is_provisional": False}
            | dict.fromkeys(("price_ms", "covered_ms", "coverage", "tick_count"), 0)
            for day, close in (
                (WEEK.last_day, 400_000),
                (WEEK.last_day + DAY, 900_000),
            )
        ],
    )
    assert only_refusal(connection).yes_mid_micros == 400_000
    for at, mid in ((NOW, 500_000), (LAST, 600_000), (END, 700_000)):
        add_tick(connection, at, mid)
    add_tick(connection, LAST - SECOND / 2, 800_000, is_usable=False)
    assert only_refusal(connection).yes_mid_micros == 600_000
    add_market(connection, result="no")
    assert only_refusal(connection).yes_mid_micros is None


def test_an_entry_tells_how_long_its_signal_waited_for_the_venue(connection: Connection) -> None:
    add_signal(connection, "signal-1", triggered_at=NOW - SECOND)
    for number, status in enumerate(("filled", "rejected"), start=1):
        order = replace(ORDER, client_order_id=f"client-{number}", attempt=number)
        ledger.add_intent(connection, order)
        sent = {"venue_order_id": "v", "fill_count": ORDER.count} if status == "filled" else {}
        ledger.move_order(connection, order, status, at=NOW + number * SECOND, **sent)  # type: ignore[arg-type]
    first, second = read(connection).orders
    assert first == EntryOrder(
        order_id="client-1",
        count=29_800,
        fill_count=29_800,
        has_reached_venue=True,
        signal_at=NOW - SECOND,
        acknowledged_at=NOW + SECOND,
    )
    assert (second.has_reached_venue, second.acknowledged_at) == (False, None)
    assert second.signal_at is None, "a second attempt waits for the first"


def add_signal(connection: Connection, name: str, **changes: Any) -> None:
    values: dict[str, Any] = {
        **dict.fromkeys(("strategy", "market_ticker", "status", "side", "average_hash"), "x"),
        **dict.fromkeys(("strength", "deviation", "mid", "mean", "coverage"), 0),
        "signal_id": name,
        "day": NOW.date(),
        "started_at": NOW - HOUR,
        "last_seen_at": NOW,
    }
    connection.execute(insert(schema.signals).values(values | changes))


def test_an_order_that_was_unknown_is_acknowledged_when_it_was_found(
    connection: Connection,
) -> None:
    ledger.add_intent(connection, ORDER)
    for seconds, status in ((1, "unknown"), (9, "resting"), (20, "canceled")):
        told = {"at": NOW + seconds * SECOND, "venue_order_id": "v"}
        ledger.move_order(connection, ORDER, status, **told)  # type: ignore[arg-type]
    (found,) = read(connection).orders
    assert found.acknowledged_at == NOW + 9 * SECOND


@pytest.mark.parametrize(
    "changes", [{"created_at": BEGIN - SECOND}, {"created_at": END}, {"leg": "exit"}]
)
def test_only_entries_made_in_the_week_are_its_orders(
    connection: Connection, changes: dict[str, Any]
) -> None:
    ledger.add_intent(connection, replace(ORDER, **changes, expires_at=END + DAY))
    assert read(connection).orders == []


def test_the_account_begins_with_the_last_value_before_the_week(connection: Connection) -> None:
    for at, held in (
        (BEGIN - DAY, 5),
        (BEGIN - HOUR, 6),
        (BEGIN - SECOND, None),
        (BEGIN, 7),
        (LAST, None),
        (END, 9),
    ):
        account.save_portfolio(
            connection, as_of=at, cash_micros=1, positions_value_micros=held, open_positions=1
        )
    assert read(connection).equity == [
        EquityPoint(BEGIN - HOUR, 7, 1),
        EquityPoint(BEGIN, 8, 1),
        EquityPoint(LAST, None, 1),
    ]


def test_money_moved_since_the_account_was_last_valued_is_told(connection: Connection) -> None:
    books.add_opening(connection, at=BEGIN - 2 * HOUR, cash_micros=5, positions=[])
    account.save_portfolio(
        connection, as_of=BEGIN - DAY, cash_micros=1, positions_value_micros=0, open_positions=0
    )
    for at, amount in ((BEGIN - 2 * DAY, 1), (BEGIN - HOUR, 2), (LAST, -3), (END, 4)):
        books.add_transfer(connection, amount, at=at, note="")
    assert read(connection).transfers == [Transfer(BEGIN - HOUR, 2), Transfer(LAST, -3)]


def test_a_market_has_the_category_of_its_series(connection: Connection) -> None:
    add_market(connection, series_ticker="KXCPI")
    add_market(connection, "KX-OTHER", series_ticker="KXOTHER")
    known = {"title": "x", "fee_type": "x", "fee_multiplier": 1, "seen_at": NOW}
    connection.execute(insert(schema.series).values(ticker="KXCPI", category="Economics", **known))
    assert read(connection).categories == {TICKER: "Economics"}


def verdict(name: str, at: datetime, *, is_passed: bool = True) -> NewVerdict:
    return NewVerdict(name, "raw_ticks", at, is_passed, "", "", [], {}, is_gating=False)


def test_checks_are_counted_by_name(connection: Connection) -> None:
    made = [verdict("fresh", at) for at in (BEGIN - SECOND, BEGIN, LAST, END)]
    made += [verdict("fresh", NOW, is_passed=False), verdict("unique", NOW)]
    save_verdicts(connection, made, run_id="a test")
    assert read(connection).checks == [CheckCount("fresh", 3, 1), CheckCount("unique", 1, 0)]


def test_gaps_that_reach_into_the_week_are_told(connection: Connection) -> None:
    spans = [
        (BEGIN - DAY, BEGIN - SECOND),
        (BEGIN - DAY, BEGIN + SECOND),
        (LAST, None),
        (END, END + DAY),
    ]
    found = [Gap("ticker", (f"KX-{n}",), *span, "silent") for n, span in enumerate(spans)]
    gaps.note_gaps(connection, found, noted_at=NOW)
    assert read(connection).gaps == [Stretch(*span, "silent") for span in spans[1:3]]


def test_a_halt_lasts_until_trading_goes_on_whatever_other_cause_comes_to_it(
    connection: Connection,
) -> None:
    changes = [
        ("halted", "breaker", BEGIN - DAY),
        ("active", "command", BEGIN + HOUR),
        ("reducing", "command", BEGIN + 2 * HOUR),
        ("halted", "daily_loss", NOW),
        ("halted", "breaker", NOW + HOUR),
        ("active", "command", NOW + 3 * HOUR),
        ("halted", "command", LAST),
        ("active", "command", END + HOUR),
    ]
    for state, cause, at in changes:
        assert change_state(connection, state, cause=cause, why="x", at=at)  # type: ignore[arg-type]
    assert read(connection).halts == [
        Stretch(BEGIN - DAY, BEGIN + HOUR, "breaker"),
        Stretch(NOW, NOW + 3 * HOUR, "daily_loss"),
        Stretch(NOW + HOUR, NOW + 3 * HOUR, "breaker"),
        Stretch(LAST, None, "command"),
    ]


def call(latency: int, *, status: int | None = 200, error: str = "") -> ApiCall:
    return ApiCall(wall_now(), "host", "GET", "/markets", status, error, 10, latency, 1)


def standing_at(moment: datetime) -> VenueClock:
    return VenueClock(moment, wall_now(), 0.0)


def test_calls_are_of_the_week_in_which_the_venue_was_when_they_went_out(
    connection: Connection,
) -> None:
    made = [call(5), call(5), call(7, status=503), call(9, status=None, error="TransportError")]
    save_calls(connection, made, clock=standing_at(NOW))
    for other in (BEGIN - SECOND, END):
        save_calls(connection, [call(1)], clock=standing_at(other))
    assert read(connection).calls == [
        Calls("ok", 5, 2),
        Calls("HTTP 503", 7),
        Calls("TransportError", 9),
    ]


def test_settings_are_compared_with_those_in_force_before(connection: Connection) -> None:
    for number, (at, points, code) in enumerate(
        [
            (BEGIN - 2 * DAY, "14", "1"),
            (BEGIN - DAY, "12", "1"),
            (NOW, "10", "1"),
            (LAST, "10", "2"),
            (END, "8", "2"),
        ]
    ):
        in_force = {"deviation_points": points} | ({"feed": "poll"} if number > 1 else {})
        note_settings(connection, in_force, code=code, at=at)
    assert read(connection).changes == [
        SettingChange(NOW, "deviation_points", "12", "10"),
        SettingChange(NOW, "feed", None, "poll"),
        SettingChange(LAST, "code version", "1", "2"),
    ]


def test_the_settings_of_the_first_start_are_no_change(connection: Connection) -> None:
    note_settings(connection, {"deviation_points": "12"}, code="1", at=NOW)
    assert read(connection).changes == []


def test_records_past_retention_are_named(connection: Connection) -> None:
    wall = VenueClock()
    young = Week.of(wall_now() - KEPT + DAY).shifted(1)
    assert forgotten_of(connection, young, clock=wall) == ()
    old = young.shifted(-2)
    assert forgotten_of(connection, old, clock=wall) == ("calls",)
    assert forgotten_of(connection, old, clock=standing_at(NOW)) == ()
    made: dict[str, Any] = {"dataset": "x", "is_whole_day": True, "market_tickers": []}
    made |= {"path": "x", "rows": 1, "content_hash": "x", "archived_at": NOW}
    for day, dropped in ((WEEK.last_day + DAY, NOW), (WEEK.first_day, None)):
        connection.execute(insert(schema.archives).values(day=day, dropped_at=dropped, **made))
    assert forgotten_of(connection, WEEK, clock=standing_at(NOW)) == ()
    connection.execute(text("UPDATE kalshi.archives SET dropped_at = now()"))
    assert forgotten_of(connection, WEEK, clock=standing_at(NOW)) == ("ticks", "checks", "gaps")


def add_average(connection: Connection, at: datetime, mean: Decimal | None) -> None:
    ensure_day_partitions(connection, schema.rolling_averages, [at.date(), at.date() - DAY])
    connection.execute(
        insert(schema.rolling_averages).values(
            as_of=at,
            market_ticker=TICKER,
            window_days=7,
            window_start=at - 7 * DAY,
            mean=mean,
            coverage=1,
            covered_ms=0,
            price_ms=0,
            tick_count=1,
            content_hash="x",
        )
    )


def test_a_course_has_a_gap_where_no_price_stood(connection: Connection) -> None:
    minute = timedelta(minutes=1)
    add_tick(connection, BEGIN - minute, 1)
    for n, at in enumerate((NOW, NOW + 5 * minute, NOW + 9 * HOUR)):
        add_tick(connection, at, 500_000 + n)
    add_average(connection, NOW, Decimal("1.5"))
    found = read_courses(connection, WEEK, [TICKER, "KX-NONE"], until=END, window_days=7)
    assert found.keys() == {TICKER}
    course = found[TICKER]
    assert list(course["at"]) == [
        NOW + 5 * minute,  # thinned out: the last of its half hour
        NOW + 10 * minute,
        NOW + 9 * HOUR,
        NOW + 9 * HOUR + 5 * minute,
    ]
    assert course["mid"].fillna(0).tolist() == [500_001, 0, 500_002, 0]
    assert course["mean"].isna().all()
    add_average(connection, NOW + 5 * minute, Decimal("1.5"))
    found = read_courses(connection, WEEK, [TICKER], until=END, window_days=7)
    assert found[TICKER]["mean"].fillna(0).tolist() == [1.5, 0, 0, 0]


def test_a_course_has_a_few_hundred_points_however_many_ticks_there_are(
    connection: Connection,
) -> None:
    first = NOW.replace(minute=0)
    for n in range(600):
        add_tick(connection, first + n * timedelta(minutes=5), n)
    course = read_courses(connection, WEEK, [TICKER], until=END, window_days=7)[TICKER]
    assert 60 < len(course) <= COURSE_POINTS
    assert course["at"].is_monotonic_increasing


TEXT = '{"answer":"Nothing.","is_provisional":false,"share":0.000001}'


def test_a_review_is_kept_in_place_of_the_one_before(connection: Connection) -> None:
    first = StoredReview.of(TEXT, first_day=WEEK.first_day, known_until=END)
    assert save_review(connection, first)
    assert not save_review(connection, first), "nothing is new"
    other = StoredReview.of(TEXT.replace("N", "n"), first_day=WEEK.first_day, known_until=END)
    assert other.content_hash != first.content_hash
    assert save_review(connection, other)
    assert newest(connection) == other
    before = replace(first, first_day=WEEK.first_day - 7 * DAY)
    save_review(connection, before)
    assert newest(connection) == other
    assert connection.scalar(text("SELECT count(*) FROM kalshi.weekly_reviews")) == 2


def test_there_is_no_newest_review_before_the_first(connection: Connection) -> None:
    assert newest(connection) is None
