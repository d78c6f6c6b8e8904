"""The demo killed at its worst moments, and started again: real processes, real SIGKILL."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from kalshi_assets.runtime.processes import MARK

PROGRAM = Path(sysconfig.get_path("scripts")) / "kalshi-assets"
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX"),
]


def start(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603  the words are ours
        [str(PROGRAM), "demo", "--once", "--json"],
        env={**os.environ, "KALSHI_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when(home: Path, moment: Callable[[], bool]) -> None:
    """Start the demo and kill it, owner only, when `moment` holds."""
    process = start(home)
    deadline = time.monotonic() + 400
    while not moment():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the moment to kill did not come"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def exchange_says(home: Path, query: str) -> list[tuple[object, ...]]:
    """Ask the local exchange's own ledger, which none of our code writes."""
    ledger = home / "exchange" / "cpi-week" / "exchange.sqlite3"
    if not ledger.exists():
        return []
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def order_requests_so_far(home: Path) -> list[object]:
    """Ask the running exchange which order requests it saw."""
    try:
        told = json.loads((home / "run" / "exchange.ready.json").read_text())
        base = told["url"].removesuffix("/trade-api/v2")
        with urlopen(f"{base}/local/requests", timeout=2) as answer:  # noqa: S310  loopback
            return list(json.load(answer)["order_writes"])
    except (OSError, ValueError):
        return []


def left_over(home: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str((home / "run").resolve()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_killed_three_times_the_demo_recovers_and_orders_once(tmp_path: Path) -> None:
    home = tmp_path / "home"

    def has_server() -> bool:
        return (home / "postgres").exists()

    def loads_history() -> bool:
        log = home / "run" / "daemon.log"
        return log.exists() and "Completed launch of run" in log.read_text()

    def has_ordered() -> bool:
        return bool(order_requests_so_far(home))

    for moment in (has_server, loads_history, has_ordered):
        kill_when(home, moment)

    process = start(home)
    out, err = process.communicate(timeout=400)

    assert process.returncode == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert summary["orders"] == 1
    assert summary["fills"] >= 1
    assert summary["refused"].keys() >= {"deviation", "volume", "time_to_close"}
    assert exchange_says(home, "SELECT count(*), sum(fill_count) FROM orders") == [(1, 29_800)]
    assert exchange_says(home, "SELECT method, status FROM order_requests") == [("POST", 201)]
    assert left_over(home) == []


def test_a_second_start_on_the_same_home_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = start(home)
    try:
        deadline = time.monotonic() + 60
        while not (home / "run" / "exchange.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        second = start(home)
        _, err = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "in use by another kalshi-assets process" in err
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)
    assert first.returncode == 0
    assert left_over(home) == []
