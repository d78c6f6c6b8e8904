"""What our own recorder wrote down is replayed to the books there were, moment by moment."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.domain.stream import Gap, StreamEvent
from kalshi_assets.kalshi.stream.recording import FrameRecorder
from kalshi_assets.local_exchange import Input, ManualClock, Recording, open_exchange
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.units import iso
from kalshi_assets_tests.exchange_stream.test_socket import TICKERS, Book, Scene, play, rest_book
from kalshi_assets_tests.kalshi.stream.server import until
from kalshi_assets_tests.local_exchange.bench import Caller, private_key, public_pem
from kalshi_assets_tests.runtime.test_local_exchange import alone

BAD_LINE = {
    "fault": "bad-line",
    "drop": 0.15,
    "duplicate": 0.1,
    "reorder": 0.1,
    "skip": 0.1,
    "seed": 5,
}

Books = dict[str, Book]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, Books]]:
    """A folder of frames, and the exchange's books at several moments of it.

    The line is bad at first, then lost once, and sound in the end.
    """
    books: dict[int, Books] = {}
    place = tmp_path_factory.mktemp("recorded")

    async def scenario(scene: Scene) -> None:
        async def look() -> None:
            await scene.same_books()
            now_ms = scene.venue.clock.now_ms()
            books[now_ms] = {ticker: scene.rest_book(ticker) for ticker in TICKERS}
            scene.venue.wait(0.05)

        await look()
        scene.local("POST", "faults", BAD_LINE)
        for _ in range(4):
            scene.trade(5)
            await asyncio.sleep(0.01)
        scene.local("DELETE", "faults")
        scene.trade(2)
        await look()
        assert "sequence" in {gap.reason for gap in scene.reader.gaps()}
        assert scene.stream.counts["repeated"] > 0
        before = len(scene.reader.gaps())
        scene.local("POST", "disconnect")
        await until(lambda: len(scene.reader.gaps()) > before)
        for _ in range(3):
            scene.trade(2)
            await look()
        await until(lambda: not open_gaps(scene.reader.events))
        scene.trade(2)
        await scene.same_books()
        assert "disconnected" in {gap.reason for gap in scene.reader.gaps()}

    with FrameRecorder(place / "frames") as recorder:
        play(place, scenario, recorder.write)
    return place / "frames", books


def open_gaps(events: list[StreamEvent]) -> set[Any]:
    gaps = [event for event in events if isinstance(event, Gap)]
    closed = {(g.channel, g.market_tickers, g.from_at) for g in gaps if g.to_at is not None}
    return {(g.channel, g.market_tickers, g.from_at) for g in gaps} - closed


@contextmanager
def replayed(folder: Path, at_ms: int) -> Iterator[Caller]:
    keys = {"me": public_pem(private_key("me"))}
    exchange = open_exchange(Input(Recording(folder, at_ms)), keys=keys)
    exchange.clock = ManualClock(at_ms)
    with running_exchange(exchange) as handle:
        caller = Caller(handle.url, "me")
        with caller.http:
            yield caller


def test_every_moment_is_replayed_to_the_books_there_were(
    recorded: tuple[Path, dict[int, Books]],
) -> None:
    folder, books = recorded
    assert len(books) == 5
    assert len({json.dumps(one, sort_keys=True) for one in books.values()}) > 3
    for ms, book in books.items():
        with replayed(folder, ms) as caller:
            assert {ticker: rest_book(caller, ticker) for ticker in TICKERS} == book, ms


def test_the_command_line_replays_the_folder_and_tells_what_it_left_out(
    recorded: tuple[Path, dict[int, Books]], tmp_path: Path
) -> None:
    folder, books = recorded
    *_, (ms, book) = books.items()
    (public := tmp_path / "me.pem").write_text(public_pem(private_key("me")))
    words = ["--recording", str(folder), "--at", iso(ms), "--speed", "0.0001"]
    words += ["--public-key", str(public), "--key-id", "me"]
    with (tmp_path / "told").open("w+") as told:
        with alone(
            tmp_path, *words, "--public-key", str(public), "--key-id", "me", told=told
        ) as one:
            caller = Caller(one.told["rest_url"], "me")
            with caller.http:
                assert {ticker: rest_book(caller, ticker) for ticker in TICKERS} == book
        told.seek(0)
        (line,) = told.read().splitlines()
    assert line.startswith(f"{folder}: frames not folded: ")
    assert " there twice; " in line
