"""Alerts reach every channel that works, whatever the others do, and no secret is ever seen."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import SecretStr

from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import ProcessError, StorageError
from kalshi_assets.runtime import alerts as service
from kalshi_assets.runtime import child as one_child
from kalshi_assets.runtime.alert_channels import channels_of
from kalshi_assets.runtime.alert_sender import Line, Pace, Sender
from kalshi_assets.runtime.alerts import Service
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.feed_watch import StreamWatch
from kalshi_assets.runtime.heartbeat import Heartbeat
from kalshi_assets.runtime.processes import free_port
from kalshi_assets.settings import ALERT_KINDS, Settings, environment
from kalshi_assets.storage.alerts import Delivery, raise_alert, save_delivery
from kalshi_assets.storage.engine import ALERT_LOCK, Database
from kalshi_assets.storage.feeds import beat, claim_feed
from kalshi_assets_tests.runtime.commands import (
    CHILDREN,
    FAILED,
    OK,
    SETTINGS,
    SLEEPER,
    Shell,
    installed,
    look,
)
from kalshi_assets_tests.runtime.receiver import TOKEN, Receiver, receiving
from kalshi_assets_tests.runtime.test_crash import PROGRAM
from kalshi_assets_tests.stand import Stand

QUICK = Pace(timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=20))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def until(is_so: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def raised(database: Database, cause: str = "halt", *, kind: str = "halt") -> None:
    with database.transaction() as connection:
        raise_alert(
            connection,
            kind=kind,  # type: ignore[arg-type]  # also one that is none, on purpose
            cause=cause,
            what="Trading is halted",
            why="three calls failed",
            done="orders were canceled",
            todo="run doctor",
            at=datetime.fromisoformat("2026-10-13T14:30:00+00:00"),
        )


def sender(stand: Stand, *addresses: str, pace: Pace = QUICK) -> Sender:
    channels = channels_of([SecretStr(address) for address in addresses])
    return Sender(stand.database, channels, kinds=ALERT_KINDS, source="test", pace=pace)


def tries(stand: Stand) -> list[tuple[str, bool, str]]:
    rows = stand.rows("SELECT * FROM kalshi.alert_deliveries ORDER BY channel, attempt")
    return [(row["channel"], row["is_ok"], row["detail"]) for row in rows]


def stepping(sends: Sender, stand: Stand, *, until_tries: int) -> None:
    """Let a sender work until so many tries are on record."""

    def is_done() -> bool:
        sends.step(wall_now())
        return len(tries(stand)) >= until_tries

    until(is_done)


def test_channels_that_hang_fail_or_are_dead_delay_no_other_and_each_try_is_recorded(
    stand: Stand, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raised(stand.database)
    dead = f"json://user:{TOKEN}@127.0.0.1:{free_port()}/{TOKEN}"
    addresses = [receiver.address(k) for k in ("hang", "broken")] + [dead, f"nonsense://{TOKEN}"]
    sends = sender(stand, *addresses, receiver.address())
    sends.step(wall_now())
    until(lambda: receiver.messages)
    hanging = lines(sends)[0].under_way
    assert hanging is not None
    assert not hanging.outcome.done(), "the one that works did not wait for the others"
    [message] = receiver.messages
    assert message["title"] == "test: halt"
    assert message["message"] == (
        "What happened: Trading is halted\nWhy: three calls failed\n"
        "What was done: orders were canceled\nWhat to do: run doctor\n"
        "When: 2026-10-13 14:30:00 UTC, venue time"
    )

    stepping(sends, stand, until_tries=5)

    unreadable = "Apprise cannot read this address in KALSHI_ALERT_URLS"
    assert tries(stand) == [
        ("JSON 1", False, "no answer within 1 s"),
        ("JSON 2", False, "not delivered: the service answered 500"),
        ("JSON 3", False, "not delivered: no connection"),
        ("JSON 5", True, ""),
        ("unreadable 4", False, unreadable),
    ]
    everything = stand.contents("alerts") + stand.contents("alert_deliveries")
    assert TOKEN not in "".join(everything) + caplog.text + repr(sends) + repr(sends.channels)


def test_a_dead_channel_is_tried_less_and_less_often_and_takes_everything_once_it_lives(
    stand: Stand, receiver: Receiver
) -> None:
    raised(stand.database)
    raised(stand.database, "another")
    sends = sender(stand, receiver.address("broken"))
    now, pauses = wall_now(), []
    for count in range(1, 6):
        began = now
        while len(receiver.tries) < count:
            now += timedelta(seconds=1)
            sends.step(now)
            time.sleep(0.02)
        until(lambda: all(t.under_way is None or t.under_way.outcome.done() for t in lines(sends)))
        sends.step(now)
        pauses.append((now - began).total_seconds())
    assert pauses[1:] == pytest.approx([5, 10, 20, 20], abs=2)
    attempts = stand.rows(
        "SELECT alert_id, count(*) AS n FROM kalshi.alert_deliveries GROUP BY 1 ORDER BY 2"
    )
    assert [row["n"] for row in attempts] == [2, 3], "no alert waits behind another for ever"

    healed = sender(stand, receiver.address("ok"))
    stepping(healed, stand, until_tries=7)
    assert len(receiver.messages) == 2
    for _ in range(3):
        healed.step(wall_now())
    assert len(tries(stand)) == 7, "what was delivered is not sent again"


def lines(sends: Sender) -> list[Line]:
    return list(sends._lines.values())


def test_a_delivery_is_recorded_although_the_database_was_away_when_it_ended(
    stand: Stand, receiver: Receiver
) -> None:
    raised(stand.database)
    sends = sender(stand, receiver.address())
    sends.step(wall_now())
    until(lambda: receiver.messages)
    [under_way] = [line.under_way for line in lines(sends)]
    assert under_way is not None
    until(under_way.outcome.done)
    away = Database(f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    sends.database, there = away, sends.database
    with pytest.raises(StorageError):
        sends.step(wall_now())
    sends.database = there
    sends.step(wall_now())
    sends.step(wall_now())
    assert tries(stand) == [("JSON 1", True, "")]
    assert len(receiver.messages) == 1


@pytest.fixture
def running(stand: Stand, receiver: Receiver) -> Iterator[tuple[Service, Event]]:
    """The service's loop in a thread, with a heartbeat as often as it can."""
    stand.patch.setattr(service, "STEP_SECONDS", 0.05)
    stand.change(alert_urls=SecretStr(receiver.address()))
    made = Service.of(stand.settings, Database(url_of(stand)))
    beating = Heartbeat(SecretStr(receiver.heartbeat), timedelta(seconds=0.1))
    object.__setattr__(made, "heartbeat", beating)
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            try:
                made.run(stop=stop)
            except StorageError:
                stop.wait(0.05)

    thread = Thread(target=work)
    thread.start()
    yield made, stop
    stop.set()
    thread.join(timeout=10)
    made.database.dispose()


def url_of(stand: Stand) -> str:
    assert stand.settings.database_url is not None
    return stand.settings.database_url.get_secret_value()


def test_the_service_goes_on_after_the_database_has_thrown_everybody_out(
    stand: Stand, receiver: Receiver, running: tuple[Service, Event]
) -> None:
    until(lambda: receiver.pings)
    stand.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    raised(stand.database)
    until(lambda: receiver.messages)
    until(lambda: tries(stand) == [("JSON 1", True, "")])


def test_the_heartbeat_is_given_while_the_service_runs_and_stops_with_it(
    receiver: Receiver, running: tuple[Service, Event]
) -> None:
    until(lambda: len(receiver.pings) >= 3)
    running[1].set()
    time.sleep(0.3)
    given = len(receiver.pings)
    time.sleep(0.5)
    assert len(receiver.pings) == given
    assert set(receiver.pings) == {f"/ping/{TOKEN}"}


def test_without_an_answer_of_the_database_there_is_no_heartbeat(
    stand: Stand, receiver: Receiver
) -> None:
    url = f"postgresql://u:p@127.0.0.1:{free_port()}/x"
    stand.change(heartbeat_url=SecretStr(receiver.heartbeat))
    made = Service.of(stand.settings, Database(url))
    with pytest.raises(StorageError):
        made.step(wall_now())
    time.sleep(0.2)
    assert receiver.pings == []


def test_a_heartbeat_without_an_answer_is_told_once_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    beating = Heartbeat(SecretStr(f"http://127.0.0.1:{free_port()}/{TOKEN}"), timedelta(seconds=1))
    now = wall_now()
    for second in range(5):
        beating.step(now + timedelta(seconds=second))
        time.sleep(0.1)
    assert caplog.text.count("heartbeat: no answer: URLError") == 1
    assert TOKEN not in caplog.text + repr(beating)


def test_a_feed_without_quotes_alerts_once_and_is_settled_when_they_come_again(
    loaded_stand: Stand,
) -> None:
    stand = loaded_stand
    made = Service.of(stand.settings, stand.database)
    causes = "SELECT kind, cause, settled_at FROM kalshi.alerts WHERE kind = 'feed_down'"
    slots = timedelta(seconds=stand.settings.poll_seconds)
    for age, is_down in ((4 * slots, False), (5 * slots, True), (9 * slots, True)):
        with stand.database.transaction() as connection:
            made.feed.step(connection, stand.now + age)
        assert bool(stand.rows(causes)) == is_down
    stand.later(10 * slots.total_seconds())
    stand.poll()
    with stand.database.transaction() as connection:
        made.feed.step(connection, stand.now)
    [row] = stand.rows(causes)
    assert row["cause"] == "feed"
    assert row["settled_at"] == stand.now


def test_outside_the_collection_hours_and_right_after_a_start_no_quotes_are_missed(
    loaded_stand: Stand,
) -> None:
    stand, day = loaded_stand, timedelta(days=1)
    hours = {"collection_start": clock_time(10), "collection_end": clock_time(17)}
    shut = stand.settings.model_copy(update=hours)
    watch = Service.of(shut, stand.database).feed
    night = stand.now + timedelta(hours=10)
    opening = (stand.now + day).replace(hour=14, minute=1, second=0)
    for moment in (night, opening):
        with stand.database.transaction() as connection:
            watch.step(connection, moment)
    assert stand.rows("SELECT * FROM kalshi.alerts WHERE kind = 'feed_down'") == []
    with stand.database.transaction() as connection:
        watch.step(connection, opening + timedelta(minutes=10))
    assert len(stand.rows("SELECT * FROM kalshi.alerts WHERE kind = 'feed_down'")) == 1


def test_the_first_poll_of_a_new_installation_may_wait_for_its_history(stand: Stand) -> None:
    watch = Service.of(stand.settings, stand.database).feed
    for minutes, count in ((10, 0), (17, 0), (20, 1)):
        with stand.database.transaction() as connection:
            watch.step(connection, stand.now + timedelta(minutes=minutes))
        assert len(stand.contents("alerts")) == count


def test_a_live_feed_that_is_away_alerts_once_and_is_settled_when_it_streams_again(
    stand: Stand,
) -> None:
    stand.change(feed="stream")
    watch = Service.of(stand.settings, stand.database).stream
    assert watch is not None
    causes = "SELECT kind, cause, what, settled_at FROM kalshi.alerts"

    def look(minutes: float, *, is_streaming: bool, has_beaten: bool = True) -> list[Any]:
        wall = wall_now() + timedelta(minutes=minutes)
        now = stand.now + timedelta(minutes=minutes)
        with stand.database.transaction() as connection:
            if has_beaten:
                beat(
                    connection,
                    "feed",
                    now=now,
                    wall=wall,
                    is_streaming=is_streaming,
                    trades_sure_until=now,
                    newest_at=None,
                )
            StreamWatch(clock, stand.now).step(connection, wall)
        return stand.rows(causes)

    clock = VenueClock(stand.now, wall_now())
    with stand.database.transaction() as connection:
        claim_feed(connection, "feed", now=stand.now, wall=wall_now())
    assert look(1, is_streaming=True) == []
    assert look(2, is_streaming=False) == []
    assert look(4, is_streaming=False) == []
    [row] = look(6, is_streaming=False)
    assert (row["kind"], row["cause"], row["settled_at"]) == ("feed_down", "stream", None)
    assert "14:32:00 UTC" in row["what"], "since when"
    [row] = look(9, is_streaming=True)
    assert row["settled_at"] is not None

    assert len(look(11, is_streaming=False, has_beaten=False)) == 1
    assert len(look(14, is_streaming=False, has_beaten=False)) == 2, "a dead feed streams nothing"


def served(settings: Settings, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603  ours
            [str(PROGRAM), "alerts"],
            env=environment(settings, {}),
            stdout=output,
            stderr=output,
        )


def test_the_service_as_a_process_sends_what_is_on_pings_and_writes_down_no_secret(
    stand: Stand, receiver: Receiver, tmp_path: Path
) -> None:
    stand.change(
        alert_urls=SecretStr(f"{receiver.address()}, {receiver.address('broken')}"),
        heartbeat_url=SecretStr(receiver.heartbeat),
        alerts=("halt", "failed_run"),
    )
    raised(stand.database, "client-1", kind="order_filled")
    process = served(stand.settings, log := tmp_path / "alerts.log")
    try:
        raised(stand.database)
        until(lambda: len(tries(stand)) >= 2 and receiver.pings)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert [message["title"] for message in receiver.messages] == [
        "kalshi-assets local/cpi-week: halt"
    ]
    assert len(stand.contents("alerts")) == 2, "a kind that is off is kept all the same"
    said = log.read_text()
    assert "alerts go to JSON 1, JSON 2" in said
    assert TOKEN not in said + "".join(stand.contents("alert_deliveries"))


def test_two_services_do_not_send_twice(stand: Stand, receiver: Receiver) -> None:
    stand.patch.setattr(service, "STEP_SECONDS", 0.05)
    stand.change(alert_urls=SecretStr(receiver.address()))
    made = [Service.of(stand.settings, Database(url_of(stand))) for _ in range(2)]
    stop = Event()
    first = Thread(target=made[0].run, kwargs={"stop": stop})
    with made[1].database.advisory_lock(ALERT_LOCK) as is_held:
        assert is_held
        made[0].run(stop=stop)
    raised(stand.database)
    first.start()
    until(lambda: tries(stand))
    made[1].run(stop=stop)
    stop.set()
    first.join(timeout=10)
    assert len(receiver.messages) == 1
    for one in made:
        one.database.dispose()


def test_the_test_of_all_channels_says_of_each_whether_it_works(
    stand: Stand, receiver: Receiver, shell: Shell
) -> None:
    stand.change(
        alert_urls=SecretStr(f"{receiver.address()},{receiver.address('broken')}"),
        heartbeat_url=SecretStr(receiver.heartbeat),
    )
    code, out, err = shell.run("alerts --test")
    assert code == FAILED
    assert out.splitlines() == [
        "JSON 1: ok",
        "JSON 2: FAILED, not delivered: the service answered 500",
        "heartbeat: ok",
    ]
    assert TOKEN not in out + err
    stand.change(alert_urls=SecretStr(receiver.address()))
    assert shell.run("alerts --test")[0] == OK
    assert len(receiver.messages) == 2


def test_without_an_address_there_is_nothing_to_serve(stand: Stand, shell: Shell) -> None:
    code, _, err = shell.run("alerts")
    assert (code, err.count("\n")) == (SETTINGS, 1)
    assert "KALSHI_ALERT_URLS" in err


def test_a_child_that_is_not_needed_is_started_again_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 10_000, 5))
    monkeypatch.setattr(one_child, "monotonic", lambda: float(next(seconds)))
    with Children(tmp_path) as children:
        child = children.start("feed", ["echo", "hello"], os.environ, is_needed=False)
        first = child.process
        until(lambda: first.poll() is not None)
        for _ in range(3):
            children.look_after()
        assert child.process.pid != first.pid
        until(lambda: child.log.read_text() == "hello\nhello\n")


def test_a_child_that_is_not_needed_may_end(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        children.start("daemon", SLEEPER, {})
        children.start("alerts", ["true"], {"PATH": os.environ["PATH"]}, is_needed=False)
        until(lambda: children._children[1].process.poll() is not None)
        children.look_after()
        children.start("webserver", ["true"], {"PATH": os.environ["PATH"]})
        until(lambda: children._children[2].process.poll() is not None)
        with pytest.raises(ProcessError, match="webserver ended"):
            children.look_after()


def delivered(stand: Stand, channel: str, *, is_ok: bool, detail: str = "") -> None:
    [row] = stand.rows("SELECT alert_id FROM kalshi.alerts")
    with stand.database.transaction() as connection:
        kept = Delivery(row["alert_id"], channel, 3, wall_now(), is_ok, detail)
        save_delivery(connection, kept)


def test_doctor_and_status_show_a_channel_that_fails(stand: Stand, shell: Shell) -> None:
    raised(stand.database)
    with installed(stand, children=CHILDREN):
        assert look(shell, "alerts")[:3] == (OK, "ok", "no channel is set")
        assert "Alerts     no channel is set" in shell.run("status")[1]
    with installed(stand, children=(*CHILDREN, "alerts")) as children:
        assert look(shell, "alerts")[2] == "nothing was to be sent since the start"
        delivered(stand, "Discord 1", is_ok=True)
        assert look(shell, "alerts")[:2] == (OK, "ok")
        delivered(stand, "E-Mail 2", is_ok=False, detail="not delivered: no connection")
        _, state, found, remedy = look(shell, "alerts")
        assert state == "warning"
        assert "Discord 1 ok at" in found
        assert found.endswith("after 3 tries: not delivered: no connection")
        assert "alerts --test" in remedy
        assert "E-Mail 2 FAILED at" in shell.run("status")[1]
        assert shell.run_json("status")[1]["alerts"]["newest"][1]["channel"] == "E-Mail 2"
        children._children[-1].process.kill()
        children._children[-1].process.wait()
        code, state, found, remedy = look(shell, "alerts")
        assert (code, state) == (FAILED, "warning"), "the line processes fails"
        assert "the service has ended" in found
        assert "alerts.log" in remedy
