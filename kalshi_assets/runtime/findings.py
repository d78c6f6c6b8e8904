"""What `doctor` finds on this machine: settings, disk, processes. Nothing is written or started."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.children import recorded_children
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import Installation, run_folder

State = Literal["ok", "warning", "failed"]
GIB = 1024**3
LOW_GIB, LOWEST_GIB = 5, 1
# Dagster's daemon gives a sign of life every 30 s, each of its threads by itself.
LONGEST_SILENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its state, what was found, and if not ok what to do."""

    name: str
    state: State
    found: str
    remedy: str = ""


def skipped(name: str) -> Finding:
    """Return the finding for what cannot be looked at without settings."""
    remedy = "correct the settings, then run doctor again"
    return Finding(name, "warning", "skipped: the settings cannot be read", remedy)


def settings_finding(error: ConfigurationError | None, running: Installation | None) -> Finding:
    """Return whether the settings of this shell can be read."""
    if error is not None:
        remedy = "correct the variable or .env; README.md lists the settings"
        return Finding("settings", "failed", str(error), remedy)
    found = "can be read"
    if running is not None:
        found += "; the lines below are about what runs here, with the settings of its start"
    return Finding("settings", "ok", found)


def free_bytes(folder: Path) -> int:
    """Return what is free on a folder's filesystem."""
    return shutil.disk_usage(folder).free


def disk_finding(home: Home, *, free: Callable[[Path], int] = free_bytes) -> Finding:
    """Return whether the home's filesystem has room, and how much the home takes of it."""
    path = home.path.resolve()
    standing = next(p for p in (path, *path.parents) if p.exists())
    left, taken = free(standing) / GIB, _size(path) / GIB
    found = f"{left:.1f} GiB free; {path} takes {taken:.2f} GiB"
    if left >= LOW_GIB:
        return Finding("disk", "ok", found)
    remedy = f"free some, at least {LOW_GIB} GiB, or set KALSHI_HOME to a folder on another disk"
    return Finding("disk", "failed" if left < LOWEST_GIB else "warning", found, remedy)


def processes_finding(
    home: Home, running: Installation | None, *, heartbeat_at: datetime | None
) -> Finding:
    """Return whether every process of the running installation lives, and its daemon moves."""
    if running is None:
        return Finding("processes", "ok", "not running: `kalshi-assets up` or `demo` starts them")
    children = recorded_children(run_folder(home))
    dead = [name for name, lives in children.items() if not lives]
    if dead:
        logs = ", ".join(str(run_folder(home) / f"{name}.log") for name in dead)
        remedy = f"read {logs}; then stop process {running.owner.pid} and start again"
        return Finding("processes", "failed", f"ended: {', '.join(dead)}", remedy)
    found = f"{', '.join(children) or 'none yet'} of process {running.owner.pid}"
    if heartbeat_at is None:
        return Finding("processes", "ok", f"{found}; no heartbeat of the daemon yet")
    silence = (wall_now() - max(heartbeat_at, running.started_at)).total_seconds()
    found += f"; the daemon's last heartbeat {silence:.0f} s ago"
    if silence <= LONGEST_SILENCE_SECONDS:
        return Finding("processes", "ok", found)
    log = run_folder(home) / "daemon.log"
    remedy = f"read {log}; then stop process {running.owner.pid} and start again"
    return Finding("processes", "failed", found, remedy)


def _size(folder: Path) -> int:
    """Return the bytes of all files below a folder; what goes away meanwhile does not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except OSError:
                continue
    return total
