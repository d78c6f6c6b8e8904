"""The exchange as a process: started, killed, started again."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from kalshi_assets_tests.local_exchange.bench import Caller, private_key, public_pem

TICKER = "KXCPI-26OCT-T0.3"
MODULE = [sys.executable, "-m", "kalshi_assets.local_exchange"]


def write_keys(folder: Path) -> Path:
    path = folder / "keys.json"
    path.write_text(json.dumps({"me": public_pem(private_key("me"))}))
    return path


@contextmanager
def process(folder: Path, *extra: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    ready = folder / f"ready-{time.monotonic_ns()}.json"
    command = [*MODULE, "--scenario", "cpi-week", "--state", str(folder / "state")]
    command += ["--keys", str(write_keys(folder)), "--ready-file", str(ready), "--no-rate-limit"]
    running = subprocess.Popen([*command, *extra])  # noqa: S603 - our own module
    try:
        while not ready.exists():
            assert running.poll() is None, "the exchange ended before it was ready"
            time.sleep(0.02)
        yield running, json.loads(ready.read_text())
    finally:
        if running.poll() is None:
            running.kill()
        running.wait()


def order(caller: Caller, side: str, at: str, client_order_id: str, **changes: str):
    return caller.order(side, at, "2", ticker=TICKER, client_order_id=client_order_id, **changes)


def venue_at(facts: dict[str, Any]) -> datetime:
    base = facts["url"].removesuffix("/trade-api/v2")
    clock = httpx.get(f"{base}/local/clock", trust_env=False).json()
    return datetime.fromisoformat(clock["venue_at"])


def test_the_ready_file_says_where_and_when(tmp_path):
    with process(tmp_path, "--speed", "2") as (running, facts):
        assert facts["pid"] == running.pid
        assert facts["input"] == "cpi-week"
        assert facts["speed"] == 2
        assert facts["input_started_at"] == "2026-10-13T14:30:00Z"
        assert facts["venue_at"] >= "2026-10-13T14:30:00"
        assert facts["url"].startswith("http://127.0.0.1:")
        assert httpx.get(f"{facts['url']}/exchange/status", trust_env=False).status_code == 200
        assert list(tmp_path.glob("*.tmp")) == []


def test_nothing_answered_is_forgotten_by_a_kill(tmp_path):
    with process(tmp_path, "--speed", "20") as (running, facts):
        me = Caller(facts["url"], "me")
        assert order(me, "bid", "0.20", "rests").status_code == 201
        assert order(me, "ask", "0.67", "filled").json()["fill_count"] == "2.00"
        assert order(me, "bid", "0.99", "dead", time_in_force="fill_or_kill").status_code == 201
        while len(me.get("/portfolio/orders")["orders"]) < 3:
            time.sleep(0.1)  # reads lag behind the answers
        before = {path: me.get(path) for path in ("/portfolio/orders", "/portfolio/fills")}
        cash = me.cash()
        shown = venue_at(facts)
        running.kill()
        running.wait()
    with process(tmp_path) as (_, facts):
        me = Caller(facts["url"], "me")
        assert datetime.fromisoformat(facts["venue_at"]) >= shown
        assert (venue_at(facts) - shown).total_seconds() < 60
        assert {path: me.get(path) for path in before} == before
        assert me.cash() == cash
        for client_order_id in ("rests", "filled", "dead"):
            assert order(me, "bid", "0.20", client_order_id).status_code == 409
        base = facts["url"].removesuffix("/trade-api/v2")
        log = httpx.get(f"{base}/local/requests", trust_env=False).json()
        assert [write["status"] for write in log["order_writes"]] == [201] * 3 + [409] * 3


def test_a_kill_in_mid_flow_loses_no_answered_order(tmp_path):
    answered, sent = [], []
    with process(tmp_path) as (running, facts):
        me = Caller(facts["url"], "me")
        threading.Timer(0.4, running.kill).start()
        for number in range(100_000):
            sent.append(f"o{number}")
            try:
                status = order(me, "bid", "0.05", sent[-1]).status_code
            except httpx.TransportError:
                break
            assert status == 201
            answered.append(sent[-1])
        running.wait()
    assert len(answered) > 5
    with process(tmp_path) as (_, facts):
        me = Caller(facts["url"], "me")
        codes = [order(me, "bid", "0.05", client_order_id).status_code for client_order_id in sent]
        assert set(codes[: len(answered)]) == {409}
        listed: list[Any] = []
        while len(listed) < min(len(sent), 1000):
            time.sleep(0.1)  # reads lag behind the answers
            listed = me.get("/portfolio/orders", limit=1000)["orders"]
        assert sorted(o["client_order_id"] for o in listed) == sorted(sent)[: len(listed)]


def test_consumed_liquidity_stays_consumed_over_a_kill(tmp_path):
    ioc = {"time_in_force": "immediate_or_cancel", "ticker": "KXFED-26OCT-T3.75"}  # frozen quotes
    with process(tmp_path) as (running, facts):
        me = Caller(facts["url"], "me")
        assert me.order("bid", "0.60", "5000", **ioc).json()["fill_count"] != "0.00"
        assert me.order("bid", "0.60", "1", **ioc).json()["fill_count"] == "0.00"
        running.kill()
        running.wait()
    with process(tmp_path) as (_, facts):
        again = Caller(facts["url"], "me").order("bid", "0.60", "1", **ioc)
        assert again.json()["fill_count"] == "0.00"


def test_a_signal_stops_it_cleanly(tmp_path):
    for number in (signal.SIGTERM, signal.SIGINT):
        with process(tmp_path) as (running, _):
            running.send_signal(number)
            assert running.wait(10) == 0


def test_it_does_not_outlive_its_parent(tmp_path):
    keys = write_keys(tmp_path)
    ready = tmp_path / "ready.json"
    command = [*MODULE, "--scenario", "cpi-week", "--state", str(tmp_path / "s")]
    command += ["--keys", str(keys), "--ready-file", str(ready)]
    parent = (
        "import os, subprocess, sys, time\n"
        "subprocess.Popen([*sys.argv[1:], '--parent-pid', str(os.getpid())])\n"
        "time.sleep(60)\n"
    )
    running = subprocess.Popen([sys.executable, "-c", parent, *command])  # noqa: S603 - as above
    while not ready.exists():
        time.sleep(0.02)
    child = json.loads(ready.read_text())["pid"]
    running.kill()
    running.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _is_alive(child):
        time.sleep(0.05)
    assert not _is_alive(child)


def test_a_wrong_parent_stops_it_at_once(tmp_path):
    command = [*MODULE, "--scenario", "cpi-week", "--state", str(tmp_path / "s")]
    command += ["--keys", str(write_keys(tmp_path)), "--parent-pid", "1"]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0  # noqa: S603 - as above


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"--scenario": "cpi-weak"}, "cpi-weak"),
        ({"--keys": "missing.json"}, "missing.json"),
        ({"--speed": "0"}, "--speed 0"),
        ({"--faults": "no.json"}, "fault file no.json"),
        ({"--cash": "0.00001"}, "0.00001"),
        ({}, "in use"),
    ],
)
def test_a_start_that_cannot_be_says_why_in_one_line(tmp_path, arguments, said):
    given = {
        "--scenario": "cpi-week",
        "--state": str(tmp_path / "state"),
        "--keys": str(write_keys(tmp_path)),
    }
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given["--port"] = str(taken.getsockname()[1])
        flat = [part for pair in (given | arguments).items() for part in pair]
        done = run(flat)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - as above
        [*MODULE, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
