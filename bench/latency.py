"""From a tick to an acknowledged order: our launcher and waiting sensors against stock Dagster.

Everything runs as in `demo`, the live feed too, on the scenario `jumps`: markets jump one after
another, and each jump is to be bought. The same twice, first with warm runs, sensors that wait and
our storage, then with what Dagster has by default for each of them. About 20 minutes:
`python -m bench latency`; not part of a run of all benchmarks.
"""

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

import dagster as dg
import psutil
import yaml
from sqlalchemy import text

from bench.report import Figure, Result
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.local_exchange import Input
from kalshi_assets.runtime import dagster_stack
from kalshi_assets.runtime.dagster_stack import Running
from kalshi_assets.runtime.demo import load_history, running_demo
from kalshi_assets.runtime.exchange import Replay
from kalshi_assets.settings import Settings, load_settings
from kalshi_assets.storage.tidings import SIGNALS_CHANNEL, listening

# The last market of the scenario has jumped nine minutes after the start.
SECONDS = 560.0
WARM_UP = 8
# Often enough that signals come in pairs; not so often that the feed's runs fill both cores.
FEED_RUN_SECONDS = 2
SPANS = {
    "tick received -> signal committed": ("received", "signal"),
    "signal -> run asked for": ("signal", "created"),
    "run asked for -> started": ("created", "started"),
    "started -> intent committed": ("started", "intent"),
    "intent -> acknowledged": ("intent", "acknowledged"),
    "signal -> acknowledged": ("signal", "acknowledged"),
}


@dataclass
class Measured:
    """What one variant took: by span, the seconds of each order; and CPU seconds a run."""

    spans: dict[str, list[float]]
    cpu_a_run: float
    runs: int


@dataclass
class Watch:
    """Notes when each signal was committed, by the wall clock."""

    demo: Running
    seen: dict[str, datetime] = field(default_factory=dict)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join()

    def _watch(self) -> None:
        query = text("SELECT signal_id FROM kalshi.signals WHERE status = 'triggered'")
        with listening(self.demo.database, [SIGNALS_CHANNEL]) as news:
            while not self._is_over.is_set():
                if news.wait(1.0) is None:
                    continue
                at = wall_now()
                with self.demo.database.transaction() as connection:
                    for signal_id in connection.scalars(query):
                        self.seen.setdefault(signal_id, at)


def run(_server_url: str = "") -> Sequence[Result | Figure]:
    """Measure both variants, one after the other."""
    ours = measured(run_launcher="warm", sensor_wait_seconds=150)
    with as_stock():
        stock = measured(run_launcher="default", sensor_wait_seconds=0)
    rows: list[Result | Figure] = []
    for name in SPANS:
        if len(ours.spans[name]) > 1 and len(stock.spans[name]) > 1:
            rows.append(Result(f"{name}, p50", median(ours.spans[name]), median(stock.spans[name])))
            rows.append(Result(f"{name}, p95", p95(ours.spans[name]), p95(stock.spans[name])))
    counts = (len(ours.spans["signal -> acknowledged"]), len(stock.spans["signal -> acknowledged"]))
    rows.append(Result("CPU time a run", ours.cpu_a_run, stock.cpu_a_run))
    rows.append(
        Figure(
            "orders / runs measured", f"{counts[0]} / {ours.runs}", f"{counts[1]} / {stock.runs}"
        )
    )
    return rows


@contextmanager
def as_stock() -> Iterator[None]:
    """Let Dagster run with its own storage, launcher and logs while the block runs."""
    told = yaml.safe_load((dagster_stack.PROJECT / "dagster.yaml").read_text())
    for ours in ("run_launcher", "compute_logs", "storage"):
        del told[ours]
    told["storage"] = {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}
    variables = dagster_stack.dagster_variables
    with tempfile.TemporaryDirectory(prefix="lat-stock") as folder:
        (Path(folder) / "dagster.yaml").write_text(yaml.safe_dump(told))

        def elsewhere(*given: Any) -> dict[str, str]:
            return variables(*given) | {"DAGSTER_HOME": folder}

        with patch.object(dagster_stack, "dagster_variables", elsewhere):
            yield


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20, method="inclusive")[-1]


def measured(**variant: Any) -> Measured:
    """Run the scenario once."""
    with tempfile.TemporaryDirectory(prefix="lat") as folder:
        settings = load_settings(
            env={},
            _env_file=None,
            venue="local",
            home=Path(folder) / "home",
            feed="stream",
            feed_run_seconds=FEED_RUN_SECONDS,
            max_markets=60,
            max_trade_pct=Decimal("0.5"),
            max_total_pct=Decimal(100),
            max_shard_pct=Decimal(100),
            max_category_pct=Decimal(100),
            max_day_notional_usd=Decimal(100_000),
            max_orders_per_minute=1_000,
            max_orders_per_day=1_000,
            trading_start="00:00",
            trading_end="23:59",
            **variant,
        )
        return _measured(settings)


def _measured(settings: Settings) -> Measured:
    with running_demo(settings, replay=Replay.of(Input("jumps")), port=None) as demo:
        load_history(demo)
        watch, before, begun_at = Watch(demo), cpu_seconds(demo), wall_now()
        with watch.watching():
            while demo.seconds < SECONDS:
                demo.children.look_after()
                time.sleep(1)
        spent = cpu_seconds(demo) - before
        runs = demo.instance.get_run_records(dg.RunsFilter(created_after=begun_at))
        return Measured(spans_of(demo, watch), spent / max(len(runs), 1), len(runs))


def cpu_seconds(demo: Running) -> float:
    """Return the CPU time so far of what runs runs: code server, daemon, warm process, all runs."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a run that ends now is in its parent's time
            words = " ".join([process.name(), *process.cmdline()])
            if any(name in words for name in ("dagster", "warm_launcher", "warm-process")):
                total += sum(process.cpu_times()[:4])
    return total


def spans_of(demo: Running, watch: Watch) -> dict[str, list[float]]:
    """Return the seconds of each span of every order but the first few."""
    found: dict[str, list[float]] = {name: [] for name in SPANS}
    for moments in moments_of(demo, watch)[WARM_UP:]:
        for name, (start, end) in SPANS.items():
            found[name].append((moments[end] - moments[start]).total_seconds())
    return found


def moments_of(demo: Running, watch: Watch) -> list[dict[str, datetime]]:
    """Return, in order of time, the moments on each order's way, by the wall clock."""
    with demo.database.transaction() as connection:
        rows = [row._mapping for row in connection.execute(_ORDERS)]
    found = []
    for row in rows:
        record = demo.instance.get_run_record_by_id(row["run_id"])
        if row["signal_id"] not in watch.seen or record is None or record.start_time is None:
            continue
        found.append(
            {
                "received": wall_of(demo, row["received_at"]),
                "signal": watch.seen[row["signal_id"]],
                "created": record.create_timestamp,
                "started": datetime.fromtimestamp(record.start_time).astimezone(),
                "intent": row["intent_wall_at"],
                "acknowledged": wall_of(demo, row["acknowledged_at"]),
            }
        )
    return sorted(found, key=lambda moments: moments["signal"])


def wall_of(demo: Running, venue: datetime) -> datetime:
    """Return the wall clock's moment of a venue's, at speed 1."""
    assert demo.clock.wall_at is not None
    assert demo.clock.venue_at is not None
    return demo.clock.wall_at + (venue - demo.clock.venue_at) + timedelta(0)


_ORDERS = text(
    """
    SELECT o.signal_id, o.run_id, o.intent_wall_at, e.at AS acknowledged_at, r.received_at
    FROM kalshi.orders o
    JOIN kalshi.signals s ON s.signal_id = o.signal_id
    CROSS JOIN LATERAL (
        SELECT min(at) AS at FROM kalshi.order_events e
        WHERE e.client_order_id = o.client_order_id AND e.status NOT IN ('intent', 'unknown')
    ) e
    CROSS JOIN LATERAL (
        SELECT min(received_at) AS received_at FROM kalshi.raw_ticks t
        WHERE t.market_ticker = o.market_ticker AND t.observed_at = s.started_at
    ) r
    WHERE o.attempt = 1 AND e.at IS NOT NULL AND r.received_at IS NOT NULL
    """
)
