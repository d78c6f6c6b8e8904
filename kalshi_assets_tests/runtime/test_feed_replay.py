"""What a feed recorded is played again by the local exchange: `--record`, then `--recording`."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets.local_exchange.units import iso
from kalshi_assets_tests.kalshi.stream.recordings import lines
from kalshi_assets_tests.runtime.feed_bench import FeedBench, feeding
from kalshi_assets_tests.runtime.test_feed import check_books
from kalshi_assets_tests.runtime.test_local_exchange import alone
from kalshi_assets_tests.stand import DatabaseMaker

ENOUGH_TRADES = 20
PLAYED = ("--scenario", "cpi-week", "--speed", "30")
CHANGED = "SELECT market_ticker, changed_at FROM kalshi.live_books"
DATED = ("orderbook_delta", "trade")
TRADES = (
    "SELECT market_ticker, trade_id, count, yes_price, taker_side, traded_at FROM kalshi.trades"
)
TOLD = f"{TRADES} WHERE source = 'stream'"


def test_what_a_feed_recorded_is_replayed_to_the_same_trades_and_books(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    with feeding(make_database(), tmp_path, *PLAYED) as bench:
        with bench.feed("--record", "frames"):
            bench.wait_until_streaming()
            check_books(bench)
            bench.wait(lambda: len(bench.rows(TOLD)) >= ENOUGH_TRADES)
        (file,) = (tmp_path / "frames").iterdir()
        bodies = [json.loads(frame) for _, frame in lines(file)]
        dated = [
            one["msg"]["ts_ms"] for one in bodies if one["type"] in ("orderbook_delta", "trade")
        ]
        again = tmp_path / "again"
        again.mkdir()
        words = [
            "--recording",
            str(tmp_path / "frames"),
            "--at",
            iso(max(dated)),
            "--speed",
            "0.001",
        ]
        with alone(again, *words) as exchange:
            key = RequestSigner(exchange.told["key_id"], Path(exchange.told["private_key_path"]))
            with KalshiClient(exchange.told["rest_url"], auth=key) as client:
                compare_trades(bench, client)
                compare_books(bench, client, bodies)


def compare_trades(bench: FeedBench, client: KalshiClient) -> None:
    told = set(map(tuple, bench.rows(TOLD)))
    span = min(row[-1] for row in told), max(row[-1] for row in told) + timedelta(seconds=1)
    listed = {
        (t.market_ticker, t.trade_id, t.count, t.yes_price, t.taker_side, t.created_at)
        for ticker in bench.tickers
        for t in client.trade_history(start=span[0], end=span[1], ticker=ticker).rows
    }
    assert told <= listed <= set(map(tuple, bench.rows(TRADES)))


def compare_books(bench: FeedBench, client: KalshiClient, bodies: list[dict[str, Any]]) -> None:
    """What came in the feed's last tenth of a second may be recorded and not kept."""
    changed: dict[str, int] = {}
    for one in bodies:
        if one["type"] == "orderbook_delta":
            changed[one["msg"]["market_ticker"]] = one["msg"]["ts_ms"]
    kept = {row[0]: row[1] for row in bench.rows(CHANGED)}
    whole = [ticker for ticker, ms in changed.items() if kept[ticker] == instant(ms)]
    assert len(whole) > 1, "of most markets the last change was kept"
    for ticker in whole:
        assert client.orderbook(ticker) == bench.kept_book(ticker), ticker
