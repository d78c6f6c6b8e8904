"""`status --watch`: one screen to leave open, true in every state, and for what cannot be known."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr

from kalshi_assets.runtime import status as state
from kalshi_assets.runtime.status import Status
from kalshi_assets.runtime.status_lines import OrderLine, PositionLine, ReviewLine, TodayLine
from kalshi_assets.runtime.status_sources import read_database
from kalshi_assets.runtime.watch_screen import watch_screen
from kalshi_assets.runtime.watching import Watch
from kalshi_assets.settings import Settings
from kalshi_assets.storage import arming
from kalshi_assets.storage.weekly_reviews import StoredReview, save_review
from kalshi_assets_tests.runtime.commands import installed
from kalshi_assets_tests.runtime.test_status import (
    fail_for_the_feed,
    halt,
    meet_orders_of_another_host,
)
from kalshi_assets_tests.stand import OVERREACTING, Stand

UNTIL = datetime(2026, 10, 14, 14, 30, tzinfo=UTC)
RUN = "from kalshi_assets.runtime.cli import main; main()"
LONGEST_SECONDS = 60
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Shown:
    """A display that keeps what it is shown."""

    width: int = 80
    height: int = 24
    screens: list[str] = field(default_factory=list)

    def show(self, text: str) -> None:
        self.screens.append(text)


@pytest.fixture
def ready(loaded_stand: Stand) -> Iterator[Stand]:
    """An installation that polled, judged, and bought the overreacting contract."""
    loaded_stand.judge_and_place()
    with installed(loaded_stand):
        yield loaded_stand


def seen(stand: Stand) -> Status:
    return state.look(stand.settings)


def shown(status: Status, **size: int) -> str:
    text = watch_screen(status, seconds=5, **size)
    lines = text.splitlines()
    assert len(lines) <= size.get("height", 24)
    assert max(map(len, lines)) <= size.get("width", 80)
    return text


def test_with_everything_good_a_glance_tells_it(ready: Stand) -> None:
    text = shown(seen(ready))
    assert "Tue 2026-10-13 10:30:00 ET, local, input cpi-week; every 5 s, Ctrl-C ends" in text
    assert "State      TRADING ACTIVE, no real money" in text
    assert "Gate       OPEN: an order could pass now" in text
    assert re.search(r"Feed       newest quote \d+ s old, newest poll \d+ s ago", text)
    assert "Orders     none open" in text
    assert f"Positions  {OVERREACTING}  298 NO, bid 0." in text
    assert re.search(r"Account    value 4,9\d\d\.\d\d USD, cash .* USD, by the venue 0 s ago", text)


def test_today_is_what_the_account_has_made_since_midnight(ready: Stand) -> None:
    ready.execute("DELETE FROM kalshi.portfolio")
    ready.execute(
        "INSERT INTO kalshi.portfolio VALUES (:at, 0, 0, 5000000000, 0)",
        at=ready.now - timedelta(days=1),
    )
    status = seen(ready)
    assert status.account is not None
    assert status.account.value_usd is not None
    made = status.account.value_usd - 5000
    assert status.today.made_usd == pytest.approx(made)
    assert made < 0, "it paid fees and the spread"
    assert f"Today      {made:+,.2f} USD, from 5,000.00 USD as the day began" in shown(status)
    ready.execute("DELETE FROM kalshi.portfolio")
    assert "Today      not known" in shown(seen(ready)), "it is not guessed to begin now"
    unknown = replace(status, today=TodayLine(5000, None))
    assert "Today      not known" in shown(unknown)


def test_it_says_whether_real_money_may_move(loaded_stand: Stand) -> None:
    with installed(loaded_stand):
        status = seen(loaded_stand)
    armed = shown(replace(status, arming="armed", armed_until=UNTIL))
    assert "TRADING ACTIVE, ARMED until 2026-10-14 14:30 UTC" in armed
    not_armed = shown(replace(status, arming="not armed"))
    assert "TRADING ACTIVE, NOT ARMED: no order of real money passes" in not_armed


def test_on_live_it_knows_until_when_it_is_armed(ready: Stand) -> None:
    ready.execute("UPDATE kalshi.installation SET identity = 'live'")
    live = ready.settings.model_copy(update={"venue": "live", "input_name": ""})
    until = datetime.now(UTC) + timedelta(hours=3)
    for armed in (False, True):
        if armed:
            with ready.database.transaction() as connection:
                arming.arm(connection, until=until, by="a test")
        found = read_database(ready.database, live, ready.now, started_at=ready.now)
        assert found.armed_until == (until if armed else None)


def test_a_halt_is_said_with_its_cause(ready: Stand) -> None:
    halt(ready)
    text = shown(seen(ready))
    assert "TRADING HALTED" in text
    assert "halted by command: a test" in text
    assert "  trading state is halted, needed: active" in text


def test_closed_gates_are_counted_and_say_why(ready: Stand) -> None:
    fail_for_the_feed(ready)
    text = shown(seen(ready))
    assert "Gate       CLOSED by 1:" in text
    assert "  ticks_are_fresh fails for the feed: 5 of 5 markets bad" in text


def test_what_does_not_fit_is_counted(loaded_stand: Stand) -> None:
    loaded_stand.later(9 * 3600)
    with installed(loaded_stand):
        status = seen(loaded_stand)
    assert len(status.closed_by) > 4
    order = OrderLine(OVERREACTING, "no", 10, 0, 0.32, "resting", 100)
    held = PositionLine("KXALONGNAME-26OCT-T1234.5678", "yes", 10, None)
    full = replace(
        status,
        orders=[order] * 9,
        positions=[held] * 30,
        halted_because=["command: " + "word " * 60] * 5,
        unknown_orders=["x" * 200] * 7,
        review=ReviewLine("2026-10-04", True, "word " * 60),
    )
    text = shown(full)
    assert f"and {len(status.closed_by) - 3} more: `kalshi-assets status`" in text
    assert "and 7 more: `kalshi-assets status`" in text
    assert "and 27 more: `kalshi-assets status`" in text
    assert len(shown(full, height=60).splitlines()) > len(text.splitlines()), "it uses the room"


def test_an_old_quote_is_called_stale(loaded_stand: Stand) -> None:
    loaded_stand.later(301)
    with installed(loaded_stand):
        status = seen(loaded_stand)
    assert "Feed       STALE, older than 300 s: newest quote" in shown(status)
    assert "STALE" not in shown(replace(status, quote_age_seconds=300.0))
    assert "Feed       no quote yet" in shown(replace(status, quote_age_seconds=None))


def test_open_orders_are_shown_and_one_whose_fate_is_not_known_as_that(ready: Stand) -> None:
    ready.execute("UPDATE kalshi.orders SET status = 'resting', fill_count = 100")
    text = shown(seen(ready))
    assert f"Orders     {OVERREACTING}  1/298 NO at 0.32, resting, expires in 180 s" in text
    ready.execute("UPDATE kalshi.orders SET status = 'unknown'")
    text = shown(seen(ready))
    assert f"Orders     {OVERREACTING}  1/298 NO at 0.32, FATE UNKNOWN, expires in 180 s" in text


def test_orders_of_another_host_stand_at_the_top(ready: Stand) -> None:
    ready.later(1)
    halt(ready)
    meet_orders_of_another_host(ready, 1)
    text = shown(seen(ready))
    assert "not sent by this ledger: venue-0" in text.split("Gate")[0]


def test_while_the_database_is_away_it_says_so_and_finds_it_again(ready: Stand) -> None:
    away = "postgresql://kalshi@127.0.0.1:1/" + ready.database.dbname
    places = [None, away, away, None]
    moments = iter(datetime(2026, 10, 13, 12, 0, n, tzinfo=UTC) for n in range(0, 60, 5))

    def look() -> Status:
        place = places.pop(0)
        given: Settings = ready.settings
        if place is not None:
            given = given.model_copy(update={"database_url": SecretStr(place)})
        return state.look(given)

    watching, display = Watch(look, seconds=5, now=lambda: next(moments)), Shown()
    for _ in range(4):
        watching.once(display)
    first, gone, still, back = display.screens
    assert "OPEN: an order could pass now" in first
    for text in (gone, still):
        assert "NO STATUS at 12:00:" in text
        assert "does not answer" in text
        assert "Last seen" in text
        assert "trading ACTIVE, gate open. It may be otherwise now." in text
        assert OVERREACTING not in text, "what was so is not shown as if it were so"
        assert max(map(len, text.splitlines())) <= 80
    assert gone != still, "it grows older"
    assert "OPEN: an order could pass now" in back


def test_opened_before_anything_runs_it_waits_for_it(stand: Stand) -> None:
    watching, display = Watch(lambda: state.look(stand.settings), seconds=5), Shown()
    watching.once(display)
    with installed(stand):
        watching.once(display)
    assert "nothing runs on" in display.screens[0]
    assert "Nothing has been seen since this screen was opened." in display.screens[0]
    assert "Gate       CLOSED by" in display.screens[1]


def read_until(handle: int, is_enough: Callable[[str], bool]) -> str:
    """Return what a process says, as soon as it is enough."""
    said = b""
    while not is_enough(said.decode(errors="replace")):
        ready_to_read, _, _ = select.select([handle], [], [], LONGEST_SECONDS)
        assert ready_to_read, f"nothing more came after {said!r}"
        said += os.read(handle, 65_536)
    return said.decode()


def screens_of(said: str) -> list[list[str]]:
    """Return the lines of each screen that was drawn on a page of its own."""
    drawn = said.split("\x1b[?1049h", 1)[1].split("\x1b[?1049l", 1)[0]
    pages = [ESCAPE.sub("", page) for page in drawn.split("\x1b[H")]
    return [[line.rstrip() for line in page.split("\r\n")] for page in pages if page.strip()]


def test_on_a_terminal_it_is_drawn_in_place_and_leaves_it_as_it_was(ready: Stand) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment = {k: v for k, v in environment.items() if k not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(  # noqa: S603  the words are ours
        [sys.executable, "-c", RUN, "status", "--watch", "--every", "1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        said = read_until(ours, lambda text: text.count("Ctrl-C ends") >= 3)
        process.send_signal(signal.SIGINT)
        said += read_until(ours, lambda text: "\x1b[?1049l" in text)
        assert process.wait(LONGEST_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    pages = screens_of(said)
    assert len(pages) >= 3
    for page in pages[-2:]:
        assert len(page) <= 24
        assert max(map(len, page)) <= 80
        assert "State      TRADING ACTIVE, no real money" in page
        assert "Gate       OPEN: an order could pass now" in page
    assert said.index("\x1b[?25l") < said.index("\x1b[?25h"), "the cursor is back"


def test_in_a_pipe_one_text_follows_the_other_and_its_end_ends_it(ready: Stand) -> None:
    process = subprocess.Popen(  # noqa: S603  the words are ours
        [sys.executable, "-c", RUN, "status", "--watch", "--every", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = read_until(process.stdout.fileno(), lambda text: text.count("Positions") >= 2)
        assert "\x1b" not in said
        assert said.count("Gate       OPEN") >= 1
        process.stdout.close()
        assert process.wait(LONGEST_SECONDS) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_as_json_a_line_a_look(ready: Stand) -> None:
    process = subprocess.Popen(  # noqa: S603  the words are ours
        [sys.executable, "-c", RUN, "status", "--watch", "--every", "1", "--json"],
        stdout=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    try:
        said = read_until(process.stdout.fileno(), lambda text: text.count("\n") >= 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert all('"is_open": true' in line for line in said.splitlines()[:2])


def test_the_last_review_is_told_in_its_one_sentence(ready: Stand) -> None:
    assert "Review     none yet: the first one comes on Sunday" in shown(seen(ready))
    answer = "Won 7 of 11, +12.34 USD; it cannot be told from zero."
    document = {"is_provisional": True, "answer": answer}
    kept = StoredReview.of(json.dumps(document), first_day=date(2026, 10, 4), known_until=ready.now)
    with ready.database.transaction() as connection:
        save_review(connection, kept)
    assert f"Review     week of 2026-10-04, provisional: {answer}" in shown(seen(ready), width=120)
