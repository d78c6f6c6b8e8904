"""What a server needs: the UI apart, backups that rotate, and upgrades between orders."""

import os
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kalshi_assets.domain.calendar import VENUE_TIMEZONE
from kalshi_assets.runtime import ui
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.processes import MARK, end_left_overs, free_port
from kalshi_assets_tests.execution.trading_floor import make_resting
from kalshi_assets_tests.runtime.commands import OK, SETTINGS, Shell, installed
from kalshi_assets_tests.stand import Stand

PROJECT = Path(__file__).parents[2]
BACKUP = PROJECT / "deploy" / "bin" / "backup"
NOT_NOW = 3


def test_an_upgrade_waits_until_nothing_is_live(loaded_stand: Stand, shell: Shell) -> None:
    order = make_resting(loaded_stand)["client_order_id"]
    before = loaded_stand.contents("orders")
    with installed(loaded_stand):
        code, said, _ = shell.run("upgrade-check")
        assert code == NOT_NOW
        assert "trading is active: run `kalshi-assets halt` first" in said
        assert f"order {order} in " in said
        assert loaded_stand.contents("orders") == before, "it only looks"

        loaded_stand.execute("UPDATE kalshi.orders SET status = 'unknown'")
        assert "is unknown" in shell.run("upgrade-check")[1]
        loaded_stand.execute("UPDATE kalshi.orders SET status = 'resting'")

        assert shell.run("halt")[0] == OK
        code, said, _ = shell.run("upgrade-check")
        assert (code, said.split(":")[0]) == (OK, "Nothing is live")


def test_an_upgrade_waits_for_a_run_that_is_under_way(loaded_stand: Stand, shell: Shell) -> None:
    loaded_stand.execute("CREATE TABLE dagster.runs (id int, pipeline_name text, status text)")
    loaded_stand.execute(
        "INSERT INTO dagster.runs VALUES (1, 'poll_job', 'SUCCESS'), (2, 'order_job', 'STARTING')"
    )
    with installed(loaded_stand):
        assert shell.run("halt")[0] == OK
        code, said, _ = shell.run("upgrade-check")
    assert code == NOT_NOW
    assert said == "NOT NOW: a run of order_job is under way: ask again when it has ended\n"


def test_where_nothing_runs_no_upgrade_is_let_pass(stand: Stand, shell: Shell) -> None:
    stand.patch.delenv("KALSHI_DATABASE_URL")
    assert shell.run("upgrade-check")[0] == SETTINGS
    assert shell.run("ui")[0] == SETTINGS


def test_the_ui_apart_is_on_loopback_and_ends_with_what_it_belongs_to(
    stand: Stand, shell: Shell
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    told: list[list[str]] = []

    def become(program: str, words: list[str], env: dict[str, str]) -> None:
        told.append(words)
        sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
        started.append(subprocess.Popen(sleeper, env={MARK: env[MARK]}))  # noqa: S603

    stand.patch.setattr(os, "execve", become)
    port = free_port()
    with installed(stand):
        ui.become(stand.settings, port=port)
    assert told[0][1:5] == ["-h", "127.0.0.1", "-p", str(port)]
    started[0].wait(timeout=30)
    assert end_left_overs(Home(stand.settings.home).run) == 0


@pytest.fixture
def dumper(tmp_path: Path) -> dict[str, str]:
    """An environment whose `kalshi-assets db dump` writes a file, or fails where told to."""
    program = tmp_path / "bin" / "kalshi-assets"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ -z "$BROKEN" ] || exit 1\necho data > "$3"\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def back_up(folder: Path, env: dict[str, str], keep: str = "3") -> int:
    words = [str(BACKUP), str(folder), keep]
    return subprocess.run(words, env=env, check=False, capture_output=True).returncode  # noqa: S603


def test_backups_rotate_and_a_failed_one_costs_none(tmp_path: Path, dumper: dict[str, str]) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [folder / f"kalshi-2026-10-{day}T063000Z.dump" for day in (11, 12, 13)]
    for file in (*old, folder / "notes.txt"):
        file.write_text("kept")

    assert back_up(folder, dumper | {"BROKEN": "yes"}) != 0
    assert sorted(folder.glob("kalshi-*")) == old

    assert back_up(folder, dumper) == 0
    [*kept, new] = sorted(folder.glob("kalshi-*"))
    assert kept == old[1:]
    assert (new.read_text(), stat.S_IMODE(new.stat().st_mode)) == ("data\n", 0o600)
    assert (folder / "notes.txt").exists()
    assert back_up(folder, dumper, keep="0") == 2


def test_the_nightly_backup_has_its_moment_on_every_day_of_a_year_and_after_house_keeping() -> None:
    timer = (PROJECT / "deploy" / "systemd" / "kalshi-assets-backup.timer").read_text()
    found = re.search(r"^OnCalendar=\*-\*-\* (\d\d):(\d\d):00 (\S+)$", timer, re.MULTILINE)
    assert found is not None
    hour, minute, zone = int(found[1]), int(found[2]), ZoneInfo(found[3])
    assert zone.key == VENUE_TIMEZONE
    day = datetime(2027, 1, 1, hour, minute, tzinfo=zone)
    for moment in (day + timedelta(days=n) for n in range(366)):
        first, second = moment, moment.replace(fold=1)
        assert first.utcoffset() == second.utcoffset(), f"{moment} is there twice, or never"
        cleaned = moment.replace(hour=1, minute=30).astimezone(UTC)
        assert moment.astimezone(UTC) - cleaned >= timedelta(hours=1), "house-keeping is over"
