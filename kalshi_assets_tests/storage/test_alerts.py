"""Alerts: one a cause, kept with what they tell of, each channel's tries on record."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import date, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from kalshi_assets.domain.account import Fill, Side
from kalshi_assets.domain.clock import FixedClock, wall_now
from kalshi_assets.kalshi.breaker import Breaker
from kalshi_assets.settings import ALERT_KINDS, load_settings
from kalshi_assets.storage.account import save_fills
from kalshi_assets.storage.alert_causes import (
    AFTERMATH,
    alert_on_review,
    alert_on_run,
    alert_on_silence,
)
from kalshi_assets.storage.alerts import (
    LONGEST_TEXT,
    Delivery,
    delivery_health,
    drop_old_alerts,
    raise_alert,
    save_delivery,
    settle_cause,
    undelivered,
)
from kalshi_assets.storage.breaker import StoredBreaker
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.ledger import add_intent
from kalshi_assets.storage.migrate import prepare
from kalshi_assets.storage.trading_state import change_state
from kalshi_assets.storage.verdicts import NewVerdict, save_verdicts
from kalshi_assets_tests.stand import MOMENT, DatabaseMaker
from kalshi_assets_tests.storage.test_ledger import ORDER

FILL = Fill("fill-1", "venue-1", "KXCPI", "no", 1_000, 680_000, 0, True, MOMENT)
VERDICT = NewVerdict(
    check_name="ticks_are_fresh",
    asset="raw_ticks",
    as_of=MOMENT,
    is_passed=False,
    observed="5 of 5 markets stale",
    threshold="age_seconds <= 300",
    markets_checked=["KXCPI"],
    markets_failed={"KXCPI": "age_seconds 900"},
)


@pytest.fixture
def database(make_database: DatabaseMaker) -> Iterator[Database]:
    """A database that several transactions work on at once."""
    made = Database(make_database())
    prepare(made, identity="tests", now=MOMENT)
    yield made
    made.dispose()


def halt_alert(connection: Connection, cause: str = "halt", **changed: Any) -> bool:
    words = {"what": "halted", "why": "a test", "done": "canceled", "todo": "look"}
    given = {"kind": "halt", "at": MOMENT, **words, **changed}
    return raise_alert(connection, cause=cause, **given)


def kept(connection: Connection) -> list[Any]:
    return list(connection.execute(text("SELECT * FROM kalshi.alerts ORDER BY alert_id")))


def tried(connection: Connection, channel: str, *, is_ok: bool, attempt: int = 1) -> None:
    [row] = kept(connection)
    detail = "" if is_ok else "not delivered"
    at = wall_now() + timedelta(seconds=attempt)
    save_delivery(connection, Delivery(row.alert_id, channel, attempt, at, is_ok, detail))


def test_a_cause_alerts_once_until_it_is_over(connection: Connection) -> None:
    assert halt_alert(connection)
    assert not halt_alert(connection, what="halted again")
    assert halt_alert(connection, "another cause")
    assert settle_cause(connection, "halt", at=MOMENT)
    assert not settle_cause(connection, "halt", at=MOMENT)
    assert halt_alert(connection, what="halted anew")
    assert [row.what for row in kept(connection)] == ["halted", "halted", "halted anew"]


def test_a_halt_that_is_rolled_back_leaves_no_alert(database: Database) -> None:
    with database.engine.connect() as connection:
        change_state(connection, "halted", cause="command", why="a test", at=MOMENT)
        assert halt_alert(connection)
        connection.rollback()
    with database.transaction() as connection:
        assert kept(connection) == []
        assert halt_alert(connection)


def _is_anybody_waiting(database: Database, query: str) -> bool:
    with database.transaction() as watch:  # one transaction sees one state of all sessions
        return bool(watch.scalar(text(query)))


@pytest.mark.parametrize("first_commits", [True, False])
def test_of_two_transactions_at_once_exactly_one_that_commits_alerts(
    database: Database, first_commits: bool
) -> None:
    second: Future[bool] = Future()

    def raise_second() -> None:
        with database.transaction() as connection:
            second.set_result(halt_alert(connection, what="second"))

    with database.engine.connect() as first:
        assert halt_alert(first, what="first")
        thread = Thread(target=raise_second)
        thread.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not _is_anybody_waiting(database, waits):
            assert thread.is_alive()
        first.commit() if first_commits else first.rollback()
    thread.join(timeout=10)
    assert second.result(timeout=10) is not first_commits
    with database.transaction() as connection:
        assert [row.what for row in kept(connection)] == ["first" if first_commits else "second"]


def test_an_alert_that_the_database_refuses_does_not_undo_the_halt(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.engine.connect() as other:
        assert halt_alert(other)
        with database.transaction() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '100ms'"))
            change_state(connection, "halted", cause="command", why="a test", at=MOMENT)
            assert not halt_alert(connection)
        other.rollback()
    with database.transaction() as connection:
        states = connection.scalars(text("SELECT state FROM kalshi.trading_state")).all()
    assert states == ["halted"]
    assert "the alert on halt could not be kept" in caplog.text


def test_what_cannot_be_stored_or_must_not_be_told_is_cut_out(connection: Connection) -> None:
    dirty = "no\0 answer \ud800 of postgresql://me:hunter2@db/name " + 2_000 * "x"
    assert halt_alert(connection, why=dirty)
    [row] = kept(connection)
    assert "hunter2" not in row.why
    assert row.why.startswith("no answer ? of postgresql://***@db/name x")
    assert len(row.why) == LONGEST_TEXT


def test_an_alert_waits_for_each_channel_until_that_one_took_it(connection: Connection) -> None:
    halt_alert(connection)
    tried(connection, "A 1", is_ok=True)
    tried(connection, "B 2", is_ok=False)
    tried(connection, "B 2", is_ok=False, attempt=2)
    waiting = undelivered(connection, channels=["A 1", "B 2", "C 3"], kinds=ALERT_KINDS)
    assert [(w.channel, w.attempts) for w in waiting] == [("C 3", 0), ("B 2", 2)]
    newest = delivery_health(connection, since=wall_now() - timedelta(minutes=1))
    assert [(d.channel, d.is_ok, d.attempt) for d in newest] == [
        ("A 1", True, 1),
        ("B 2", False, 2),
    ]
    assert delivery_health(connection, since=wall_now() + timedelta(minutes=1)) == []


def test_a_kind_that_is_off_is_kept_but_not_sent_and_so_is_what_is_older_than_a_day(
    connection: Connection,
) -> None:
    halt_alert(connection)
    assert undelivered(connection, channels=["A 1"], kinds=["feed_down"]) == []
    assert len(undelivered(connection, channels=["A 1"], kinds=["halt"])) == 1
    old = "UPDATE kalshi.alerts SET recorded_at = recorded_at - interval '25 hours'"
    connection.execute(text(old))
    assert undelivered(connection, channels=["A 1"], kinds=["halt"]) == []
    assert len(kept(connection)) == 1


def test_a_filled_order_of_ours_alerts_once_and_a_foreign_one_never(
    connection: Connection,
) -> None:
    ours = {"venue-1": "client-1"}
    later = replace(FILL, fill_id="fill-2", count=500)
    foreign = replace(FILL, fill_id="fill-3", order_id="venue-of-others")
    assert save_fills(connection, [FILL, foreign], client_ids=ours) == 2
    assert save_fills(connection, [FILL, later], client_ids=ours) == 1
    [row] = kept(connection)
    assert (row.kind, row.cause) == ("order_filled", "order client-1")
    assert row.what == "Filled: 10 NO of KXCPI at 0.3200 USD"
    assert row.raised_at == MOMENT


@pytest.mark.parametrize(
    ("bought", "says"),
    [("no", "Sold: 10 YES of KXCPI at 0.6800 USD"), ("yes", "Sold: 10 NO of KXCPI at 0.3200 USD")],
)
def test_the_fill_of_an_exit_is_told_as_the_sale_it_is(
    connection: Connection, bought: Side, says: str
) -> None:
    entry = replace(ORDER, market_ticker="KXCPI", side="no" if bought == "yes" else "yes")
    leave = replace(entry, client_order_id="client-2", leg="exit", side=bought)
    for order in (entry, leave):
        assert add_intent(connection, order)
    fills = [
        replace(FILL, fill_id="fill-1", order_id="venue-1", side=entry.side),
        replace(FILL, fill_id="fill-2", order_id="venue-2", side=bought),
    ]
    save_fills(connection, fills, client_ids={"venue-1": "client-1", "venue-2": "client-2"})
    first, second = kept(connection)
    assert first.what.startswith("Filled: 10 ")
    assert second.what == says


WEEK = date(2026, 10, 11)


def review(connection: Connection, *reasons: str) -> bool:
    return alert_on_review(connection, WEEK, answer="It made $5.", reasons=reasons, at=MOMENT)


def test_a_week_is_told_once_however_often_it_is_reviewed(connection: Connection) -> None:
    assert review(connection, "Because.", "And so on.")
    assert not review(connection, "Because of something else.")
    [row] = kept(connection)
    assert (row.kind, row.what, row.why) == ("weekly_review", "It made $5.", "Because. And so on.")
    assert "reviews/2026-10-11.html" in row.todo


def test_a_long_review_is_told_in_whole_sentences(connection: Connection) -> None:
    sentence = f"{'x' * 300}."
    assert review(connection, *[sentence] * 5)
    [row] = kept(connection)
    assert row.why == " ".join([sentence] * 3)


def test_a_review_is_sent_only_where_somebody_asked_for_it(connection: Connection) -> None:
    review(connection)
    wanted = load_settings(env={}, _env_file=None).alerts
    assert undelivered(connection, channels=["A 1"], kinds=wanted) == []
    [waiting] = undelivered(connection, channels=["A 1"], kinds=[*wanted, "weekly_review"])
    assert waiting.alert.what == "It made $5."


def test_a_week_that_was_told_goes_after_90_days(connection: Connection) -> None:
    review(connection)
    age(connection, 91)
    assert drop_old_alerts(connection) == 1


def age(connection: Connection, days: int) -> None:
    """Let all alerts be so many days older."""
    older = "UPDATE kalshi.alerts SET recorded_at = recorded_at - make_interval(days => :days)"
    connection.execute(text(older), {"days": days})


def test_alerts_go_after_90_days_with_their_deliveries_and_what_still_goes_on_stays(
    connection: Connection,
) -> None:
    for cause in ("over", "goes on"):
        halt_alert(connection, cause)
    settle_cause(connection, "over", at=MOMENT)
    save_fills(connection, [FILL], client_ids={"venue-1": "client-1"})
    for row in kept(connection):
        save_delivery(connection, Delivery(row.alert_id, "A 1", 1, wall_now(), True, ""))
    age(connection, 89)
    assert drop_old_alerts(connection) == 0

    age(connection, 1)
    halt_alert(connection, "of today")

    assert drop_old_alerts(connection) == 2
    assert [row.cause for row in kept(connection)] == ["goes on", "of today"]
    assert connection.scalar(text("SELECT count(*) FROM kalshi.alert_deliveries")) == 1
    assert not halt_alert(connection, "goes on"), "it has alerted once"


def test_fills_recorded_before_raise_no_alert_when_they_are_read_again(
    connection: Connection,
) -> None:
    save_fills(connection, [FILL], client_ids={})
    assert save_fills(connection, [FILL], client_ids={"venue-1": "client-1"}) == 0
    assert kept(connection) == []


def test_a_failing_check_alerts_until_it_passes_again(connection: Connection) -> None:
    passing = replace(VERDICT, is_passed=True)
    advisory = replace(VERDICT, check_name="prices_are_nice", is_gating=False)
    for verdict in (passing, VERDICT, VERDICT, passing, VERDICT, advisory):
        save_verdicts(connection, [verdict], run_id="a test")
    first, second = kept(connection)
    assert first.cause == second.cause == "check ticks_are_fresh"
    assert first.why == "5 of 5 markets stale; must hold: age_seconds <= 300"
    assert (first.settled_at, second.settled_at) == (MOMENT, None)


def test_of_checks_stored_together_each_alerts_and_is_over_by_itself(
    connection: Connection,
) -> None:
    names = [f"check_{n}" for n in range(4)]
    for failing in ({"check_1", "check_2"}, {"check_2", "check_3"}):
        rows = [replace(VERDICT, check_name=n, is_passed=n not in failing) for n in names]
        save_verdicts(connection, rows, run_id="a test")
    found = {row.cause: row.settled_at for row in kept(connection)}
    assert found == {"check check_1": MOMENT, "check check_2": None, "check check_3": None}


def fails(connection: Connection) -> list[bool]:
    """What fails together with the exchange: a run, the feed."""
    return [
        alert_on_run(connection, "poll_job", run_id="1", why="503", at=MOMENT),
        alert_on_silence(connection, since=MOMENT, at=MOMENT),
    ]


def test_an_outage_is_one_cause_and_what_still_fails_a_while_after_it_alerts(
    database: Database,
) -> None:
    store = StoredBreaker(database, "exchange", clock=FixedClock(MOMENT))
    breaker = Breaker("exchange", store)
    breaker.admit("read")
    breaker.failed("503", is_probe=False)
    with database.transaction() as connection:
        assert fails(connection) == [False, False]

    for _ in range(2):
        breaker.failed("503", is_probe=False)
    with database.transaction() as connection:
        assert fails(connection) == [False, False]
        assert [row.cause for row in kept(connection)] == ["halt breaker"]

    breaker.succeeded(is_probe=True)
    with database.transaction() as connection:
        assert fails(connection) == [False, False], "a poll comes first, and the job after it"
        aged = "UPDATE kalshi.breaker_transitions SET at = at - make_interval(secs => :seconds)"
        connection.execute(text(aged), {"seconds": AFTERMATH.total_seconds()})
        assert fails(connection) == [True, True]
