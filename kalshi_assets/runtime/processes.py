"""Processes of an installation: found by the run folder in their environment, and ended."""

import os
import signal
import socket
from collections.abc import Collection, Sequence
from pathlib import Path

import psutil

from kalshi_assets.errors import ProcessError
from kalshi_assets.storage.embedded import ProcessMark

MARK = "DESK_RUN_FOLDER"
STOP_SECONDS = 10.0


def end_left_overs(folder: Path, *, but_for: Collection[int] = ()) -> int:
    """End every process that carries this run folder in its environment; return how many.

    Args:
        folder: the run folder.
        but_for: process ids that are left alone.
    """
    spared = {os.getpid(), *but_for}
    left = [p for p in psutil.process_iter() if p.pid not in spared and _carries(p, folder)]
    end(left)
    alive = [str(p.pid) for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    if alive:
        raise ProcessError(
            f"left-overs of an earlier start do not end: kill -KILL {' '.join(alive)}"
        )
    return len(left)


def end(processes: Sequence[psutil.Process]) -> None:
    """End processes: asked to, then killed."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in alive:
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    psutil.wait_procs(alive, timeout=STOP_SECONDS)


def is_alive(mark: ProcessMark) -> bool:
    """Tell whether the same process still does anything."""
    try:
        status = psutil.Process(mark.pid).status()
    except psutil.Error:
        return False
    return mark.is_alive() and status != psutil.STATUS_ZOMBIE


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def last_lines(log: Path, count: int = 12) -> str:
    """Return the end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else ""


def _carries(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(folder.resolve())
    except (psutil.Error, OSError):
        return False


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
