"""Whatever a line does to the frames, the books end as the exchange's, and each doubt was told."""

import os
import random
from datetime import timedelta

import pytest

from kalshi_assets_tests.kalshi.stream.exchange import SimulatedExchange
from kalshi_assets_tests.kalshi.stream.harness import Run, sides_of
from kalshi_assets_tests.kalshi.stream.line import FaultyLine

RUNS = int(os.environ.get("STREAM_RUNS", "200"))
TICKERS = [f"KXT-26NOV-T{n}" for n in range(4)]
LATE = timedelta(seconds=1)
FAULTS = ("drop", "repeat", "delay", "garble")

Simulated = Run[SimulatedExchange]


def run_of(seed: int, rates: dict[str, float]) -> Simulated:
    rng = random.Random(seed)  # noqa: S311 - seeded
    exchange = SimulatedExchange(rng, TICKERS)
    run = Run(rng, exchange, FaultyLine(rng, rates), set(TICKERS[:3]))
    run.start()
    return run


def steps(run: Simulated, number: int) -> None:
    """Let time pass; every book that may be read must be one the exchange has had."""
    for _ in range(number):
        run.step()
        check_is_past_or_present(run)


def check_is_past_or_present(run: Simulated) -> None:
    for ticker in run.wanted:
        book = run.session.book(ticker)
        if book is not None:
            assert sides_of(book) in run.server.history[ticker][-60:]


def check_ends_true(run: Simulated) -> None:
    run.settle()
    assert run.open_gaps == {}
    for ticker in run.wanted:
        book = run.session.book(ticker)
        assert book is not None, ticker
        assert sides_of(book) == run.server.true_book(ticker) == run.latest[ticker]


def check_every_trade_is_read_or_in_a_gap(run: Simulated) -> None:
    read = [trade.trade_id for trade in run.trades]
    assert len(read) == len(set(read))
    blind = [
        (gap.from_at - LATE, gap.to_at + LATE)
        for gap in run.gaps
        if gap.channel == "trade" and gap.to_at is not None
    ]
    for trade_id in run.server.trades_sent.keys() - set(read):
        at = run.trades_due[trade_id]
        assert any(start <= at <= end for start, end in blind), trade_id


@pytest.mark.parametrize("seed", range(RUNS))
def test_books_end_as_the_exchanges_over_any_line(seed):
    rng = random.Random(-seed)  # noqa: S311 - seeded
    rates = {name: rng.choice([0.0, 0.02, 0.1]) for name in FAULTS}
    run = run_of(seed, rates)
    run.server.terminal_rate = rng.choice([0.0, 0.0, 0.01])
    for _ in range(6):
        steps(run, 25)
        deed = rng.choice(["nothing", "nothing", "reconnect", "want"])
        if deed == "reconnect":
            run.reconnect()
        elif deed == "want":
            run.want(set(rng.sample(TICKERS, rng.randint(1, 4))))
    run.server.terminal_rate = 0.0
    check_ends_true(run)
    check_every_trade_is_read_or_in_a_gap(run)
