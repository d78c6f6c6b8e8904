"""A backfill against the pace of the exchange's rate limit: real client, exchange and database.

The baseline is the time in which the limit of the Basic tier gives out the tokens that were spent,
a full bucket at the start counted in. Trades are asked for a market and day a request, so that
there are enough requests to meet the limit.
"""

import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bench.limits import BASIC_AT_EXCHANGE, Tally, exchange
from bench.report import Figure
from kalshi_assets.defs.market_data.backfill import Loading, load_candles, load_trades
from kalshi_assets.domain.calendar import days_between, venue_day
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.shared_limits import shared_limits
from kalshi_assets.runtime.exchange_address import ask_local_exchange
from kalshi_assets.runtime.home import LOCAL_KEY_ID
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import Lifetime
from kalshi_assets.storage.migrate import create_database, prepare

DAYS = 60


def run(server_url: str) -> Sequence[Figure]:
    """Load days of five markets, candles in the fewest requests and trades in very many."""
    database = Database(create_database(server_url, "bench_backfill"))
    with tempfile.TemporaryDirectory() as folder, exchange(Path(folder)) as (url, key):
        told = ask_local_exchange(url)
        assert told is not None
        now = told.clock.now()
        prepare(database, identity="bench", now=now)
        tally = Tally()
        limits = shared_limits(url, LOCAL_KEY_ID, folder=Path(folder))
        signer = RequestSigner(LOCAL_KEY_ID, key)
        loading = Loading(database, "bench", now, lambda line: None)
        with KalshiClient(url, auth=signer, limits=limits, calls=tally) as client:
            listed = [s.market.ticker for s in client.markets(status="open").snapshots]
            days = list(days_between(venue_day(now) - timedelta(days=DAYS), venue_day(now)))
            wanted = dict.fromkeys(listed, days)
            started, cpu = time.monotonic(), time.process_time()
            known = {ticker: Lifetime("active", now) for ticker in listed}
            load_candles(client, loading, wanted, known)
            for day in days:
                load_trades(client, loading, {ticker: [day] for ticker in listed})
            took, cpu = time.monotonic() - started, time.process_time() - cpu
    database.dispose()
    size = BASIC_AT_EXCHANGE["read"]
    least = max(0.0, (tally.tokens["read"] - size.capacity) / size.refill_rate)
    calls = sum(tally.statuses.values())
    name = f"backfill, {calls} requests, {loading.candles + loading.trades:,} rows"
    return [
        Figure(name, f"{took:.1f} s", f"{least:.1f} s", f"{least / took:.2f}x"),
        Figure("  processor, Python", f"{cpu:.1f} s", ""),
    ]
