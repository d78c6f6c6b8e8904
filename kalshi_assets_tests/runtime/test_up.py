"""`up` on a local exchange, led there by the base URL: all processes, from history to a fill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from kalshi_assets.runtime.database import database_name
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.processes import free_port
from kalshi_assets.settings import PREFIX
from kalshi_assets.storage.embedded import running_server
from kalshi_assets.storage.migrate import create_database
from kalshi_assets_tests.stand import OVERREACTING

PROGRAM = [sys.executable, "-c", "from kalshi_assets.runtime.cli import main; main()"]
WAIT_SECONDS = 240.0


@pytest.fixture
def processes() -> Iterator[list["subprocess.Popen[str]"]]:
    """Processes to be ended, last one first, whatever happens."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in reversed(started):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


@pytest.fixture
def exchange(tmp_path: Path, processes: list["subprocess.Popen[str]"]) -> dict[str, str]:
    """The variables that lead to a local exchange, run alone."""
    words = ["local-exchange", "--port", "0"]
    process = started(processes, words, {"KALSHI_HOME": str(tmp_path / "exchange")}, tmp_path)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    return {
        "KALSHI_API_URL": told["rest_url"],
        "KALSHI_API_KEY_ID": told["key_id"],
        "KALSHI_PRIVATE_KEY_PATH": told["private_key_path"],
    }


def started(
    processes: list["subprocess.Popen[str]"],
    words: list[str],
    variables: Mapping[str, str],
    folder: Path,
) -> "subprocess.Popen[str]":
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with (folder / f"{words[0]}.err").open("w") as errors:
        process = subprocess.Popen(  # noqa: S603  the words are ours
            [*PROGRAM, *words],
            env={**own, **variables},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    processes.append(process)
    return process


def wait_for(found: Callable[[], Any], process: "subprocess.Popen[str]", log: Path) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        value = found()
        if value:
            return value
        time.sleep(0.5)
    raise AssertionError(f"nothing happened within {WAIT_SECONDS} s: {log.read_text()}")


def rows(home: Home, database: str, query: str) -> list[tuple[Any, ...]]:
    address = running_server(home.postgres) if home.postgres.exists() else None
    if address is None:
        return []
    url = create_database(address.url, database)
    try:
        with psycopg.connect(url) as connection:
            return connection.execute(query).fetchall()
    except psycopg.errors.UndefinedTable:
        return []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("venue", ["paper", "demo"])
def test_up_trades_against_a_local_exchange_and_ends_with_ctrl_c(
    venue: str,
    exchange: dict[str, str],
    processes: list["subprocess.Popen[str]"],
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    key = exchange if venue == "demo" else {"KALSHI_API_URL": exchange["KALSHI_API_URL"]}
    variables = {**key, "KALSHI_VENUE": venue, "KALSHI_HOME": str(home.path)}
    up = started(processes, ["up", "--port", str(free_port())], variables, tmp_path)
    database = database_name(f"{venue}/cpi-week")

    query = "SELECT market_ticker, side, count, fill_count FROM kalshi.orders"
    [order] = wait_for(
        lambda: [row for row in rows(home, database, query) if row[2] == row[3]],
        up,
        tmp_path / "up.err",
    )

    assert order[:2] == (OVERREACTING, "no"), "bought whole, at the prices of the local exchange"
    assert rows(home, database, "SELECT identity FROM kalshi.installation") == [
        (f"{venue}/cpi-week",)
    ]
    children = psutil.Process(up.pid).children(recursive=True)
    up.send_signal(signal.SIGINT)
    assert up.wait(timeout=60) == 0
    assert not [child for child in children if is_alive(child)]


def is_alive(process: psutil.Process) -> bool:
    """Tell whether it still works; one that nobody has waited for yet does not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
