"""Frames that come twice, late or not at all: what is told, against the sound recording."""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.local_exchange.recordings import RecordedTape
from kalshi_assets.local_exchange.recordings.frame_order import WINDOW_FRAMES
from kalshi_assets_tests.local_exchange.frame_folders import (
    DOWN,
    START,
    UP,
    Json,
    at,
    delta,
    line,
    load,
    numbered,
    sides,
    snapshot,
    write,
)

TICKERS = (UP, DOWN)
STEP_SECONDS = 0.01
END = at(9)
NEAR = WINDOW_FRAMES // 4
"""Places a frame is moved by: all who are moved together stay within the window."""


class Connection:
    """A sound connection of both markets: numbered lines, one every 10 ms, with the true books."""

    def __init__(self, rng: random.Random, *, begins: float) -> None:
        self.rng = rng
        self.seconds = begins
        self.lines: list[Json] = []
        self.books: dict[str, dict[str, dict[str, int]]] = {
            ticker: {"yes": {"0.4000": rng.randint(1, 500)}, "no": {}} for ticker in TICKERS
        }
        for ticker in TICKERS:
            self.tell_all(ticker)

    def tell_all(self, ticker: str) -> None:
        pairs = {
            side: [(price, f"{count / 100:.2f}") for price, count in book.items() if count]
            for side, book in self.books[ticker].items()
        }
        self._add(snapshot(self.seconds, **pairs, ticker=ticker))

    def trade(self, number: int) -> None:
        for _ in range(number):
            ticker, side = self.rng.choice(TICKERS), self.rng.choice(["yes", "no"])
            book, price = self.books[ticker][side], f"0.{self.rng.randint(30, 40)}00"
            by = self.rng.choice([-book.get(price, 0), self.rng.randint(1, 300)])
            book[price] = book.get(price, 0) + by
            size = f"{'-' if by < 0 else ''}{abs(by) / 100:.2f}"
            self._add(delta(self.seconds, side, price, size, ticker=ticker))

    def _add(self, one: Json) -> None:
        self.seconds += STEP_SECONDS
        self.lines.append(numbered(one, len(self.lines) + 1))


def disturbed(rng: random.Random, lines: Sequence[Json]) -> list[Json]:
    """The lines moved back a little, and some of them there twice."""
    moved = [(n + rng.choice([0, 0, rng.uniform(0, NEAR)]), one) for n, one in enumerate(lines)]
    again = [(n + rng.uniform(0, NEAR), one) for n, one in moved if rng.random() < 0.2]
    return [one for _, one in sorted(moved + again, key=lambda pair: pair[0])]


def answer(seconds: float) -> Json:
    return line(seconds, "subscribed", 0, channel="orderbook_delta", sid=1)


def by_market(lines: Sequence[Json], folder: Path) -> Path:
    for ticker in TICKERS:
        own = [one for one in lines if one["event"]["msg"].get("market_ticker", ticker) == ticker]
        write(folder / "events" / ticker, *own)
    return folder


def tape_of(lines: Sequence[Json], *, is_by_market: bool) -> RecordedTape:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return load(by_market(lines, folder) if is_by_market else write(folder, *lines), 0.1)


def told(tape: RecordedTape, since: int = at(-9)) -> object:
    return [
        (ticker, ms, sides(tape.quote_at(ticker, ms)), tape.quote_at(ticker, ms).updated_ms)
        for ticker in TICKERS
        for ms in tape.changes(ticker, since, END)
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_frames_moved_within_the_window_and_repeated_change_nothing(
    seed: int, is_by_market: bool, is_answered: bool
) -> None:
    """Without the answer to `subscribe`, a connection has to begin with its snapshots."""

    rng = random.Random(seed)  # noqa: S311 - seeded
    first = Connection(rng, begins=0)
    for _ in range(3):
        first.trade(rng.randint(0, 60))
        first.tell_all(rng.choice(TICKERS))
    second = Connection(rng, begins=first.seconds + 1.5)
    second.trade(rng.randint(0, 60))
    clean = tape_of([*first.lines, *second.lines], is_by_market=is_by_market)
    sound = 0 if is_answered else len(TICKERS)
    lines = [*disturbed(rng, first.lines), *([answer(first.seconds + 1)] if is_answered else [])]
    lines += [*second.lines[:sound], *disturbed(rng, second.lines[sound:])]
    tape = tape_of(lines, is_by_market=is_by_market)
    assert told(tape) == told(clean)
    for ticker in TICKERS:
        book = {
            side: {round(float(price) * 10_000): count for price, count in book.items() if count}
            for side, book in second.books[ticker].items()
        }
        book["no"] = {10_000 - price: count for price, count in book["no"].items()}
        assert list(sides(tape.quote_at(ticker, END))) == list(book.values())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_whatever_was_lost_the_next_snapshot_puts_the_book_right(
    seed: int, is_by_market: bool
) -> None:
    rng = random.Random(seed)  # noqa: S311 - seeded
    line_ = Connection(rng, begins=0)
    line_.trade(60)
    whole = len(line_.lines)
    for ticker in TICKERS:
        line_.tell_all(ticker)
    since = at(line_.seconds)
    line_.trade(40)
    lost = [n for n in range(2, whole) if rng.random() < 0.2]
    kept = [one for n, one in enumerate(line_.lines) if n not in lost]
    clean = tape_of(line_.lines, is_by_market=is_by_market)
    tape = tape_of(disturbed(rng, kept), is_by_market=is_by_market)
    for ticker in TICKERS:
        for ms in range(since, at(line_.seconds), 10):
            assert sides(tape.quote_at(ticker, ms)) == sides(clean.quote_at(ticker, ms))


def run_of(number: int, *, since: float) -> list[Json]:
    return [delta(since + n / 100, "no", "0.50", "1.00") for n in range(number)]


def test_a_frame_that_comes_twice_is_folded_once(tmp_path: Path) -> None:
    twice = numbered(delta(1, "yes", "0.30", "5.00"), 2)
    write(tmp_path, numbered(START, 1), twice, twice)
    assert sides(load(tmp_path).quote_at(UP, at(2)))[0][3000] == 500


@pytest.mark.parametrize("is_healed", [False, True])
def test_a_change_that_comes_too_late_leaves_its_book_as_it_stands_until_a_snapshot(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_healed: bool
) -> None:
    begin = [START, snapshot(0, yes=[("0.20", "1.00")], ticker=DOWN)]
    lines = [numbered(one, n) for n, one in enumerate([*begin, *run_of(50, since=1)], start=1)]
    late = lines.pop(3)
    after = [numbered(delta(3, "yes", "0.30", "5.00", ticker=one), 90) for one in (UP,)]
    after.append(numbered(delta(3, "yes", "0.30", "5.00", ticker=DOWN), 91))
    heals = [numbered(snapshot(4, yes=[("0.35", "2.00")]), 92)] if is_healed else []
    tape = load(write(tmp_path, *lines, late, *after, *heals))
    assert at(1) < tape.quote_at(UP, at(3.5)).updated_ms < at(1.5)
    assert 3000 not in sides(tape.quote_at(UP, at(3.5)))[0]
    assert sides(tape.quote_at(DOWN, at(3.5)))[0] == {2000: 100, 3000: 500}
    assert "1 too late" in caplog.text
    if is_healed:
        assert sides(tape.quote_at(UP, at(5))) == ({3500: 200}, {})


def test_frames_without_numbers_are_folded_as_they_come(tmp_path: Path) -> None:
    lines = [START, delta(1, "yes", "0.30", "5.00"), delta(1, "yes", "0.30", "5.00")]
    for one in lines:
        one["event"].pop("sid", None)
    assert sides(load(write(tmp_path, *lines)).quote_at(UP, at(2)))[0][3000] == 1000
    for one in lines:
        one["event"]["sid"] = 1


def test_a_connection_lost_at_once_is_told_by_the_answer_to_subscribe(tmp_path: Path) -> None:
    one = [START, delta(0.1, "yes", "0.30", "5.00"), delta(0.15, "yes", "0.30", "6.00")]
    two = [snapshot(0.2, yes=[("0.20", "1.00")]), delta(0.3, "yes", "0.20", "1.00")]
    lines = [[numbered(each, n) for n, each in enumerate(own, start=1)] for own in (one, two)]
    write(tmp_path, answer(0), *lines[0], answer(0.2), *lines[1])
    assert sides(load(tmp_path, 0.1).quote_at(UP, at(1))) == ({2000: 200}, {})


def test_a_market_that_gets_no_snapshot_of_a_new_connection_stands_as_it_was(
    tmp_path: Path,
) -> None:
    begin = [START, snapshot(0, yes=[("0.20", "1.00")], ticker=DOWN)]
    one = [numbered(each, n) for n, each in enumerate(begin, start=101)]
    two = [numbered(snapshot(5, yes=[("0.35", "2.00")]), 1)]
    two.append(numbered(delta(6, "yes", "0.20", "9.00", ticker=DOWN), 2))
    for between in ([], [answer(4)]):
        tape = load(write(tmp_path, *one, *between, *two))
        assert sides(tape.quote_at(UP, at(7)))[0] == {3500: 200}
        assert sides(tape.quote_at(DOWN, at(7)))[0] == {2000: 100}


@pytest.mark.parametrize(
    ("others", "is_in_time"), [(WINDOW_FRAMES, True), (WINDOW_FRAMES + 1, False)]
)
def test_the_window_is_as_wide_as_told(tmp_path: Path, others: int, is_in_time: bool) -> None:
    late = numbered(delta(1, "yes", "0.30", "5.00"), 2)
    before = [numbered(one, n) for n, one in enumerate(run_of(others, since=1), start=3)]
    tape = load(write(tmp_path, numbered(START, 1), *before, late))
    assert (3000 in sides(tape.quote_at(UP, at(9)))[0]) == is_in_time


@pytest.mark.parametrize(("seconds", "is_in_time"), [(0.9, True), (1.1, False)])
def test_a_frame_waits_no_longer_than_a_second(
    tmp_path: Path, seconds: float, is_in_time: bool
) -> None:
    early, *after = run_of(2, since=1)
    waiting = numbered(delta(1 + seconds, "yes", "0.31", "1.00"), 5)
    late = numbered(delta(1, "yes", "0.30", "5.00", lag=seconds + 0.02), 3)
    lines = [numbered(START, 1), numbered(early, 4), waiting, late, numbered(after[0], 6)]
    tape = load(write(tmp_path, *lines))
    assert (3000 in sides(tape.quote_at(UP, at(9)))[0]) == is_in_time
