"""The client on the local exchange: over any line it ends with REST's books and told its gaps."""

import os
import random
from typing import Any

import pytest

from kalshi_assets.local_exchange.interventions import LineFaults
from kalshi_assets.local_exchange.stream import StreamTerms
from kalshi_assets_tests.exchange_stream.floor import ExchangesLine, TradingFloor
from kalshi_assets_tests.exchange_stream.joined import Joined
from kalshi_assets_tests.kalshi.stream.harness import sides_of

RUNS = int(os.environ.get("STREAM_RUNS", "50"))
TICKERS = [f"KXT-26NOV-T{n}" for n in range(4)]
FAULTS = ("drop", "duplicate", "reorder", "skip", "rename", "mistype")
CHANCES = [0.0, 0.02, 0.1]
SMALL_BUFFER = 8


def run_of(seed: int) -> Joined:
    rng = random.Random(seed)  # noqa: S311 - seeded
    buffer = rng.choice([StreamTerms().buffer, SMALL_BUFFER])
    floor = TradingFloor(rng, TICKERS, StreamTerms(buffer=buffer))
    chances: dict[str, Any] = {name: rng.choice(CHANCES) for name in FAULTS}
    floor.switches.line = LineFaults(**chances, seed=seed)
    run = Joined(rng, floor, ExchangesLine(floor), set(TICKERS[:3]))
    run.start()
    return run


def check_ends_true(run: Joined) -> None:
    run.line.heal()
    run.server.speak()
    run.settle()
    assert run.open_gaps == {}
    for ticker in run.wanted:
        book = run.session.book(ticker)
        assert book is not None, ticker
        assert sides_of(book) == run.server.true_book(ticker) == run.latest[ticker]


def check_trades(run: Joined) -> None:
    read = [trade.trade_id for trade in run.trades]
    assert len(read) == len(set(read))
    assert set(read) <= run.server.trade_ids()


@pytest.mark.parametrize("seed", range(RUNS))
def test_books_end_as_rests_over_any_line(seed):
    run = run_of(seed)
    for _ in range(4):
        for _ in range(15):
            run.step()
        deed = run.rng.choice(["nothing", "reconnect", "want"])
        if deed == "reconnect":
            run.reconnect()
        elif deed == "want":
            run.want(set(run.rng.sample(TICKERS, run.rng.randint(1, 4))))
    check_ends_true(run)
    check_trades(run)
    run.check_all_losses_are_in_gaps()
