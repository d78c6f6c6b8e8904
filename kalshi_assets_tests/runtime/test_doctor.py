"""`doctor`: what is missing or wrong is named, with what to do about it."""

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.runtime.doctor import examine
from kalshi_assets.runtime.findings import GIB
from kalshi_assets.runtime.processes import free_port
from kalshi_assets.storage.migrate import newest_revision
from kalshi_assets_tests.execution.faults import OnOperation, altering, answering
from kalshi_assets_tests.runtime.commands import (
    CHILDREN,
    FAILED,
    OK,
    SETTINGS,
    Shell,
    finding,
    installed,
    look,
)
from kalshi_assets_tests.stand import Stand

NAMES = ["settings", "key", "exchange", "clock", "database", "disk", "processes", "alerts"]


def test_a_whole_installation_is_ok_line_by_line(stand: Stand, shell: Shell) -> None:
    with installed(stand, children=CHILDREN):
        code, told = shell.run_json("doctor")
        assert (code, told["ok"]) == (OK, True)
        assert [(f["name"], f["state"]) for f in told["findings"]] == [(n, "ok") for n in NAMES]
        assert "accepts the key, trading" in finding(told, "exchange")["found"]
        assert f"schema {newest_revision()}" in finding(told, "database")["found"]
        assert "daemon, exchange, webserver" in finding(told, "processes")["found"]
        code, out, err = shell.run("doctor")
        assert (code, err) == (OK, "")
        assert [line.split()[:2] for line in out.splitlines()] == [["ok", n] for n in NAMES]


def test_looking_changes_nothing_and_sends_no_order(stand: Stand, shell: Shell) -> None:
    before = stand.contents("installation"), stand.contents("trading_state")
    assert shell.run("doctor")[0] == OK
    assert (stand.contents("installation"), stand.contents("trading_state")) == before
    assert stand.order_requests() == 0
    assert not stand.settings.home.exists()


def test_before_the_first_start_it_says_what_a_start_brings(keyless: Stand, shell: Shell) -> None:
    keyless.patch.delenv("KALSHI_DATABASE_URL")
    code, told = shell.run_json("doctor")
    assert code == OK
    assert finding(told, "key")["found"] == "none needed on the venue paper"
    assert "the next start starts the embedded one" in finding(told, "database")["found"]
    assert "`kalshi-assets up`" in finding(told, "processes")["found"]
    assert not keyless.settings.home.exists()


def test_settings_that_cannot_be_read_are_exit_code_2_and_the_rest_is_still_told(
    keyless: Stand, shell: Shell
) -> None:
    keyless.patch.setenv("KALSHI_WINDOW_DAY", "7")
    code, told = shell.run_json("doctor")
    assert (code, told["ok"]) == (SETTINGS, False)
    assert "did you mean KALSHI_WINDOW_DAYS?" in finding(told, "settings")["found"]
    assert finding(told, "database")["found"] == "skipped: the settings cannot be read"
    assert finding(told, "disk")["state"] == "ok"
    assert str(keyless.settings.home) in finding(told, "disk")["found"]
    code, out, _ = shell.run("doctor")
    assert code == SETTINGS
    assert len([line for line in out.splitlines() if not line.startswith(" ")]) == len(NAMES)


def test_with_wrong_settings_in_this_shell_what_runs_is_still_looked_at(
    stand: Stand, shell: Shell
) -> None:
    with installed(stand, children=CHILDREN):
        stand.patch.setenv("KALSHI_MAX_TRADE_PCT", "50")
        code, told = shell.run_json("doctor")
    assert code == SETTINGS
    assert "KALSHI_MAX_TRADE_PCT=50" in finding(told, "settings")["found"]
    assert finding(told, "exchange")["state"] == "ok"
    assert finding(told, "processes")["state"] == "ok"


def test_a_key_others_may_read_fails_with_the_command_that_closes_it(
    stand: Stand, shell: Shell
) -> None:
    key = stand.settings.private_key_path
    assert key is not None
    key.chmod(0o644)
    code, state, found, remedy = look(shell, "key")
    assert (code, state, remedy) == (FAILED, "failed", f"chmod 600 {key}")
    assert "0644" in found
    os.system(remedy)  # noqa: S605  the remedy is a command, and it works
    assert look(shell, "key")[:2] == (OK, "ok")


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("KALSHI_API_KEY_ID", "", "KALSHI_API_KEY_ID not set"),
        ("KALSHI_PRIVATE_KEY_PATH", "", "KALSHI_PRIVATE_KEY_PATH not set"),
        ("KALSHI_PRIVATE_KEY_PATH", "/nowhere/key.pem", "cannot be read"),
        ("KALSHI_PRIVATE_KEY_PATH", "/dev/null", "holds no private key in PEM form"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(
    variable: str, value: str, named: str, stand: Stand, shell: Shell
) -> None:
    stand.patch.setenv(variable, value)
    code, state, found, remedy = look(shell, "key")
    assert (code, state) == (FAILED, "failed")
    assert named in found
    assert remedy


def test_the_venue_demo_without_a_key_fails(keyless: Stand, shell: Shell) -> None:
    keyless.patch.setenv("KALSHI_VENUE", "demo")
    code, state, found, remedy = look(shell, "key")
    assert (code, state) == (FAILED, "failed")
    assert "KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH not set" in found
    assert remedy.startswith("set both")


def test_an_exchange_that_cannot_be_reached_fails_soon(keyless: Stand, shell: Shell) -> None:
    port = free_port()
    keyless.patch.setenv("KALSHI_API_URL", f"http://127.0.0.1:{port}/trade-api/v2")
    started = time.monotonic()
    code, told = shell.run_json("doctor")
    assert time.monotonic() - started < 15
    assert code == FAILED
    assert finding(told, "exchange")["state"] == "failed"
    assert f":{port}/" in finding(told, "exchange")["found"]
    assert "KALSHI_API_URL" in finding(told, "exchange")["remedy"]
    assert finding(told, "clock")["state"] == "warning", "nothing told the time"


def test_a_key_the_exchange_does_not_accept_fails(stand: Stand, shell: Shell) -> None:
    stand.change(api_key_id="5d1a6d80-0000-4000-8000-00000000ffff")
    code, state, found, remedy = look(shell, "exchange")
    assert (code, state) == (FAILED, "failed")
    assert "does not accept the key" in found
    assert "KALSHI_API_KEY_ID" in remedy


def test_an_exchange_that_pauses_is_a_warning(stand: Stand, shell: Shell) -> None:
    paused = altering(lambda told: {**told, "trading_active": False})
    stand.faults.fault = OnOperation("GetExchangeStatus", paused)
    code, state, found, remedy = look(shell, "exchange")
    assert (code, state) == (OK, "warning")
    assert "trading is paused" in found
    assert "gate is closed" in remedy


def test_an_exchange_in_trouble_fails(stand: Stand, shell: Shell) -> None:
    stand.faults.fault = OnOperation("GetExchangeStatus", answering(500))
    assert look(shell, "exchange")[:2] == (FAILED, "failed")


@contextmanager
def exchange_dated(**headers: str) -> Iterator[str]:
    """A server that says it trades, with headers of our choice."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"exchange_active": True, "trading_active": True}).encode()
            self.send_response_only(200)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/trade-api/v2"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("our_lead", "age", "code", "state", "said"),
    [
        (0, 0, OK, "ok", "within 2 s"),
        (3.5, 0, OK, "warning", "ahead of"),
        (-3.5, 0, OK, "warning", "behind"),
        (30, 0, FAILED, "failed", "ahead of"),
        (-30, 0, FAILED, "failed", "behind"),
        (14, 14, OK, "ok", "within 2 s"),  # an answer that lay in a cache for 14 s
    ],
)
def test_a_clock_that_is_off_is_measured_by_the_exchanges_date(
    our_lead: float, age: int, code: int, state: str, said: str, keyless: Stand, shell: Shell
) -> None:
    theirs = wall_now() - timedelta(seconds=our_lead)
    with exchange_dated(Date=format_datetime(theirs, usegmt=True), Age=str(age)) as url:
        keyless.patch.setenv("KALSHI_API_URL", url)
        found = look(shell, "clock")
    assert found[:2] == (code, state)
    assert said in found[2]
    assert state == "ok" or "synchronise this machine's time" in found[3]


def test_an_exchange_without_a_date_leaves_the_clock_unknown(keyless: Stand, shell: Shell) -> None:
    with exchange_dated() as url:
        keyless.patch.setenv("KALSHI_API_URL", url)
        assert look(shell, "clock")[:2] == (OK, "warning")


@pytest.mark.parametrize(
    ("free", "code", "state"),
    [(5.0, OK, "ok"), (4.9, OK, "warning"), (1.0, OK, "warning"), (0.9, FAILED, "failed")],
)
def test_a_disk_that_fills_up_is_told_early(
    free: float, code: int, state: str, stand: Stand
) -> None:
    home = stand.settings.home
    home.mkdir()
    (home / "log").write_bytes(b"x" * int(0.02 * GIB))
    diagnosis = examine(free=lambda folder: int(free * GIB))
    [disk] = [f for f in diagnosis.findings if f.name == "disk"]
    assert (diagnosis.exit_code, disk.state) == (code, state)
    assert f"{home} takes 0.02 GiB" in disk.found
    assert (state == "ok") == (disk.remedy == "")
    assert state == "ok" or "KALSHI_HOME" in disk.remedy


def test_a_process_that_ended_is_named_with_its_log(stand: Stand, shell: Shell) -> None:
    with installed(stand, children=CHILDREN):
        told = json.loads((stand.settings.home / "run" / "daemon.json").read_text())
        daemon = psutil.Process(told["pid"])
        daemon.kill()
        code, state, found, remedy = look(shell, "processes")
    assert (code, state, found) == (FAILED, "failed", "ended: daemon")
    assert "daemon.log" in remedy
    assert "start again" in remedy


@pytest.mark.parametrize(("silence", "state"), [(20, "ok"), (600, "failed")])
def test_a_daemon_that_lives_and_does_not_move_is_found_by_its_heartbeat(
    silence: int, state: str, stand: Stand, shell: Shell
) -> None:
    stand.execute("CREATE TABLE dagster.daemon_heartbeats (timestamp timestamp)")
    with installed(stand, children=CHILDREN):
        record = stand.settings.home / "run" / "installation.json"
        told = json.loads(record.read_text())
        long_ago = (wall_now() - timedelta(days=1)).isoformat()
        record.write_text(json.dumps({**told, "started_at": long_ago}))
        at = (wall_now() - timedelta(seconds=silence)).replace(tzinfo=None)
        stand.execute("INSERT INTO dagster.daemon_heartbeats VALUES (:at)", at=at)
        _, found_state, found, remedy = look(shell, "processes")
    assert found_state == state
    told = re.search(r"heartbeat (\d+) s ago", found)
    assert told is not None
    assert silence <= int(told[1]) <= silence + 60  # a busy machine looks a little later
    assert state == "ok" or "daemon.log" in remedy
