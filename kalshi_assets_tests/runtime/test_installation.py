"""What a start leaves in the run folder: enough to find everything, and no secret."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import StorageError
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import described, running_installation
from kalshi_assets.settings import load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets_tests.runtime.commands import installed
from kalshi_assets_tests.runtime.test_crash import PROGRAM
from kalshi_assets_tests.stand import Stand


def test_the_description_gives_the_settings_again_whatever_this_shell_says(stand: Stand) -> None:
    with installed(stand):
        stand.patch.setenv("KALSHI_VENUE", "live")
        stand.patch.setenv("KALSHI_CLOSED_DAYS", "2026-12-25")
        found = running_installation(Home(stand.settings.home))
    assert found is not None
    assert found.settings == stand.settings.model_copy(update={"database_url": None})
    assert found.database == stand.database.dbname
    assert not found.is_embedded


def test_the_description_is_for_its_owners_eyes_holds_no_secret_and_goes_with_the_start(
    stand: Stand,
) -> None:
    url = "postgresql://trader:hunter2@db.example/kalshi?password=hunter3"
    settings = load_settings(env={}, database_url=url, home=stand.settings.home)
    record = stand.settings.home / "run" / "installation.json"
    with described(settings, Home(settings.home), port=3000, started_at=wall_now()):
        text = record.read_text()
        assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert "hunter" not in text
    assert "PRIVATE KEY" not in text
    assert not record.exists()


def test_a_description_whose_owner_is_gone_says_nothing(stand: Stand) -> None:
    home = Home(stand.settings.home)
    with installed(stand):
        record = stand.settings.home / "run" / "installation.json"
        told = json.loads(record.read_text())
        assert running_installation(home) is not None
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        for owner in (
            {**told["owner"], "mark": "of another start"},
            {"pid": ended.pid, "mark": ""},
        ):
            record.write_text(json.dumps({**told, "owner": owner}))
            assert running_installation(home) is None
        record.write_text("{half a fi")
        assert running_installation(home) is None


def test_a_database_that_is_only_looked_at_cannot_be_changed(stand: Stand) -> None:
    url = stand.settings.database_url
    assert url is not None
    looked_at = Database(url.get_secret_value(), is_looked_at_only=True)
    with pytest.raises(StorageError, match="read-only"), looked_at.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM kalshi.trading_state")
    looked_at.dispose()


def test_another_shell_finds_the_demo_while_it_runs_and_not_after(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = {**os.environ, "KALSHI_HOME": str(home)}
    with (tmp_path / "log").open("wb") as log:
        demo = subprocess.Popen([str(PROGRAM), "demo", "--once"], env=env, stdout=log, stderr=log)  # noqa: S603
    try:
        deadline = time.monotonic() + 120
        while not (home / "run" / "installation.json").exists():
            assert demo.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        code, told = ask(env, "status")
        assert (code, told["venue"], told["input"], told["pid"]) == (
            3,
            "local",
            "cpi-week",
            demo.pid,
        )
        assert "warmed_up" in told["closed_by"]
        code, told = ask(env, "doctor")
        assert code == 0, told
        [database] = [f for f in told["findings"] if f["name"] == "database"]
        assert "kalshi_cpi_week" in database["found"]
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait(timeout=60)
    assert ask(env, "status")[0] == 1


def ask(env: dict[str, str], command: str) -> tuple[int, Any]:
    words = [str(PROGRAM), command, "--json"]
    told = subprocess.run(words, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    [line] = told.stdout.splitlines()
    return told.returncode, json.loads(line)
