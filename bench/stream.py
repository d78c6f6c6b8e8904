"""Frames of the live feed into books: ours against two public clients, same frames, one process.

The baselines are no dependencies: `pip install --target DIR pykalshi` and, on any Python below
3.12, `pip install --no-deps --ignore-requires-python --target DIR kalshi-sdk`; then name DIR in
BENCH_BASELINES, or run `python -m bench.stream --baselines DIR`. What does not import is said.
"""

import gc
import gzip
import importlib
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.report import Result, seconds
from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.kalshi.stream.session import Session

RECORDED = Path(__file__).resolve().parents[2] / "shared/market-data/kxgold15m-websocket/events"
BASELINES_VARIABLE = "BENCH_BASELINES"
GENERATED_FRAMES = 200_000
NOW_MS = 1_786_400_000_000
TIMES = 3

Book = dict[str, tuple[dict[int, int], dict[int, int]]]
Fold = Callable[[list[bytes]], Book]


def run(server_url: str = "", baselines: str = "") -> list[Result]:
    """Fold all frames, each side from bytes to books; no database is needed."""
    folder = baselines or os.environ.get(BASELINES_VARIABLE, "")
    if folder:
        sys.path.append(folder)
    frames = list(numbered_frames())
    deltas = sum(b'"orderbook_delta"' in frame for frame in frames)
    print(f"{len(frames):,} frames ({deltas:,} deltas), {_source()}")
    expected = _ours(frames)
    ours = _measure(_ours, frames)
    print(f"  ours folds {len(frames) / ours:,.0f} frames/s")
    results = []
    for name, load in (("kalshi-sdk", _kalshi_sdk), ("pykalshi", _pykalshi)):
        try:
            fold = load()
        except ImportError as exc:
            print(f"  {name} is not there ({exc}): see --baselines in bench/stream.py")
            continue
        assert fold(frames) == expected, f"{name} ends with other books"
        baseline = _measure(fold, frames)
        print(f"  {name} folds {len(frames) / baseline:,.0f} frames/s")
        results.append(Result(f"fold {len(frames):,} frames, {name}", ours, baseline))
    return results


def numbered_frames() -> Iterator[bytes]:
    """Yield frames of one connection that recorded five markets, numbered as it would be."""
    last = {1: 0, 2: 0}
    for body in _recorded() if RECORDED.is_dir() else _generated():
        last[body["sid"]] += 1
        # What the exchange may leave out or did not send then, kalshi-sdk refuses to do without.
        if body["type"] == "trade":
            body["msg"].setdefault("is_block_trade", False)
        elif body["type"] == "orderbook_snapshot":
            body["msg"] = {"yes_dollars_fp": [], "no_dollars_fp": []} | body["msg"]
        yield json.dumps(body | {"seq": last[body["sid"]]}, separators=(",", ":")).encode()


def _source() -> str:
    return "recorded" if RECORDED.is_dir() else f"generated: there is no {RECORDED}"


def _recorded() -> Iterator[dict[str, Any]]:
    for path in sorted(RECORDED.glob("*/*.ndjson.gz")):
        with gzip.open(path) as file:
            for line in file:
                yield json.loads(line)["event"]


def _generated() -> Iterator[dict[str, Any]]:
    """Yield frames of the same shape: a book of 50 levels a side, and changes near its middle."""
    rng = random.Random(20260811)  # noqa: S311 - seeded, to be the same each time
    market = {"market_ticker": "KXGOLD15M-26AUG110800-00", "market_id": "6832089a-be31-4f7f"}
    sides: dict[str, dict[int, int]] = {"yes": {}, "no": {}}
    for number in range(GENERATED_FRAMES):
        if number == 0:
            for levels in sides.values():
                levels |= {cents: rng.randint(100, 200_000) for cents in range(1, 48)}
            shown = {f"{s}_dollars_fp": _levels(levels) for s, levels in sides.items()}
            yield {"type": "orderbook_snapshot", "sid": 1, "seq": 0, "msg": market | shown}
            continue
        side = rng.choice(("yes", "no"))
        cents = rng.randint(20, 47)
        had = sides[side].pop(cents, 0)
        change = -had if had and rng.random() < 0.4 else rng.randint(1, 500) * 10
        if had + change:
            sides[side][cents] = had + change
        changed = {"price_dollars": f"0.{cents:02}00", "delta_fp": f"{change / 100:.2f}"}
        when = {"ts": "2026-08-11T11:45:52.695342Z", "ts_ms": NOW_MS + number}
        msg = market | changed | {"side": side} | when
        yield {"type": "orderbook_delta", "sid": 1, "seq": 0, "msg": msg}


def _levels(levels: dict[int, int]) -> list[list[str]]:
    return [[f"0.{cents:02}00", f"{count / 100:.2f}"] for cents, count in levels.items()]


def _measure(fold: Fold, frames: list[bytes]) -> float:
    # The frames are many and stay: without this each collection would walk them all.
    gc.collect()
    gc.freeze()
    try:
        return seconds(lambda: fold(frames), times=TIMES)
    finally:
        gc.unfreeze()


def _ours(frames: list[bytes]) -> Book:
    session = Session()
    tickers = {json.loads(frame)["msg"]["market_ticker"] for frame in frames[:: len(frames) // 50]}
    session.want("orderbook_delta", tickers)
    session.want("trade", ())
    session.commands(0.0)
    receive = session.receive
    for frame in frames:
        receive(frame, NOW_MS)
    found: Book = {}
    for ticker in tickers:
        update = session.book(ticker)
        assert update is not None
        # As recorded, NO levels carry NO prices: read as offers of YES they lie at 1 - p.
        no_bids = {1_000_000 - level.price: level.count for level in update.book.no_bids}
        found[ticker] = ({level.price: level.count for level in update.book.yes_bids}, no_bids)
    return found


def _kalshi_sdk() -> Fold:
    """Return a fold of kalshi-sdk 22: the models and order book manager its client uses."""
    models = importlib.import_module("kalshi.ws.models.orderbook_delta")
    trades = importlib.import_module("kalshi.ws.models.trade")
    books = importlib.import_module("kalshi.ws.orderbook")

    def fold(frames: list[bytes]) -> Book:
        manager = books.OrderbookManager()
        tickers = set()
        for frame in frames:
            body = json.loads(frame)
            if body["type"] == "orderbook_delta":
                message = models.OrderbookDeltaMessage.model_validate(body)
                manager._apply_delta_inplace(message)
            elif body["type"] == "orderbook_snapshot":
                message = models.OrderbookSnapshotMessage.model_validate(body)
                tickers.add(message.msg.market_ticker)
                manager._apply_snapshot_inplace(message)
            else:
                trades.TradeMessage.model_validate(body)
        states = {ticker: manager._books[ticker] for ticker in tickers}
        return {ticker: (_exact(s.yes), _exact(s.no)) for ticker, s in states.items()}

    return fold


def _pykalshi() -> Fold:
    """Return a fold of pykalshi 2: its parser and order book manager."""
    feed = importlib.import_module("pykalshi.feed")
    books = importlib.import_module("pykalshi.orderbook")

    def fold(frames: list[bytes]) -> Book:
        managers: dict[str, Any] = {}
        for frame in frames:
            kind, _, message, _ = feed._parse_message(frame)
            if kind == "orderbook_delta":
                managers[message.market_ticker].apply_delta(
                    message.side, message.price_dollars, message.delta_fp
                )
            elif kind == "orderbook_snapshot":
                manager = managers.setdefault(
                    message.market_ticker, books.OrderbookManager(message.market_ticker)
                )
                manager.apply_snapshot(message.yes_dollars, message.no_dollars)
        return {ticker: (_exact(m.yes), _exact(m.no)) for ticker, m in managers.items()}

    return fold


def _exact(levels: dict[Any, Any]) -> dict[int, int]:
    return {
        micros(Decimal(price)): centicontracts(Decimal(count)) for price, count in levels.items()
    }


if __name__ == "__main__":
    named = sys.argv[sys.argv.index("--baselines") + 1] if "--baselines" in sys.argv else ""
    for measured in run(baselines=named):
        print(measured)
