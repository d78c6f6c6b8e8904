"""Bad input ends with one line that names the value, exit code 2, and nothing started."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kalshi_assets.runtime import cli, exits
from kalshi_assets_tests.stand import KEY_ID, Stand


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that does not exist yet; the working folder is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KALSHI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["kalshi-assets", *shlex.split(words)])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "variables", "named"),
    [
        ("demo --scenario moon-week", {}, "scenario 'moon-week'; known scenarios: cpi-week"),
        ("demo --fault moon-dust", {}, "fault 'moon-dust' is unknown: it is none of frozen-feed"),
        ("demo --fault off-grid:KXMOON-1", {}, "market 'KXMOON-1' of fault"),
        ("demo --recording .", {}, "--at is missing"),
        ("demo --recording . --at 2025-11-22", {}, "--at 2025-11-22 has no offset"),
        ("demo --recording . --at noon", {}, "--at noon: not a moment"),
        ("demo --recording . --at 2025-11-22T15:00:00Z", {}, "has no candles.csv"),
        ("demo --recording . --scenario cpi-week", {}, "exclude each other"),
        ("demo --recording . --at 2025-11-22T15:00:00Z --spread 0", {}, "--spread 0 is not"),
        ("demo --at 2025-11-22T15:00:00Z", {}, "--at belongs to --recording"),
        ("demo --speed 0", {}, "--speed 0 is not positive"),
        ("demo --weeks 3", {}, "--weeks belongs to --history"),
        ("demo --seed 7", {}, "--seed belongs to --history"),
        ("demo --history --weeks 14", {}, "--weeks 14 is not between 1 and 13"),
        ("demo --history --seed -1", {}, "--seed -1 is not between 0 and"),
        ("demo --history --scenario cpi-week", {}, "leave --scenario, --recording"),
        ("demo --history --fault zero-coded", {}, "leave --scenario, --recording"),
        ("up", {"KALSHI_API_URL": "http://127.0.0.1:9/trade-api/v2"}, "KALSHI_API_URL=http://"),
        ("demo --once", {"KALSHI_WINDOW_DAY": "7"}, "KALSHI_WINDOW_DAY is not a setting"),
        ("demo --once", {"KALSHI_MAX_TRADE_PCT": "50"}, "KALSHI_MAX_TRADE_PCT=50"),
        ("demo --once", {"KALSHI_DATABASE_URL": "mysql://x/y"}, "KALSHI_DATABASE_URL"),
        ("up", {"KALSHI_VENUE": "live"}, "KALSHI_API_KEY_ID is not set: the venue live"),
        ("up", {"KALSHI_VENUE": "demo"}, "KALSHI_API_KEY_ID is not set"),
        ("db env", {}, "no database runs here"),
        ("local-exchange --scenario moon-week", {}, "scenario 'moon-week'"),
        ("local-exchange --fault moon-dust", {}, "fault 'moon-dust' is unknown"),
        ("local-exchange --speed 0", {}, "--speed 0 is not positive"),
        ("local-exchange --faults none.json", {}, "fault file none.json cannot be read"),
        ("local-exchange --public-key x.pem", {}, "--public-key x.pem needs --key-id"),
        ("local-exchange --key-id mine", {}, "--key-id mine belongs to --public-key"),
        ("local-exchange --key-id me --public-key x.pem", {}, "x.pem cannot be read"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_started(
    words: str,
    variables: dict[str, str],
    named: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(words, monkeypatch) == exits.EXIT_USAGE
    said = capsys.readouterr().err.strip()
    assert named in said
    assert len(said.splitlines()) == 1
    assert not list(home.glob("run/*.log")), "no process was started"
    assert not (home / "postgres").exists()


def test_a_home_that_cannot_be_used_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file where the folder should be")
    assert run("demo --once", monkeypatch) == exits.EXIT_USAGE
    said = capsys.readouterr().err
    assert str(home) in said
    assert "KALSHI_HOME" in said


def test_a_file_that_is_no_private_key_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = home.parent / "key.pem"
    key.write_text("not a key")
    monkeypatch.setenv("KALSHI_VENUE", "demo")
    monkeypatch.setenv("KALSHI_API_KEY_ID", KEY_ID)
    monkeypatch.setenv("KALSHI_PRIVATE_KEY_PATH", str(key))
    assert run("up", monkeypatch) == exits.EXIT_USAGE
    assert str(key) in capsys.readouterr().err
    assert not home.exists()


def test_a_key_that_the_exchange_does_not_accept_is_refused_before_anything_starts(
    stand: Stand, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand.change(venue="demo", api_key_id="5d1a6d80-0000-4000-8000-00000000ffff", home=home)
    assert run("up", monkeypatch) == exits.EXIT_USAGE
    said = capsys.readouterr().err
    assert "401" in said
    assert "KALSHI_API_KEY_ID" in said
    assert not home.exists()


def test_the_database_of_db_start_serves_other_processes_until_db_stop(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("db start", monkeypatch) == 0
    try:
        capsys.readouterr()
        assert run("db env", monkeypatch) == 0
        exports = capsys.readouterr().out
        code = (
            "import os, psycopg\n"
            "with psycopg.connect(os.environ['KALSHI_DATABASE_URL']) as c:\n"
            "    print(c.execute('SELECT count(*) FROM kalshi.markets').fetchone()[0])"
        )
        told = subprocess.run(  # noqa: S603  the words are ours
            ["/bin/sh", "-c", f"{exports}\n{shlex.quote(sys.executable)} -c {shlex.quote(code)}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.stdout.strip() == "0", told.stderr
        assert run("db start", monkeypatch) == exits.EXIT_FAILED
        assert "in use" in capsys.readouterr().err
    finally:
        assert run("db stop", monkeypatch) == 0
    assert run("db env", monkeypatch) == exits.EXIT_USAGE
