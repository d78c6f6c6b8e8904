"""What tests of processes wait for."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

WAIT_SECONDS = 60.0


def until(found: Callable[[], Any], what: str = "it") -> Any:
    """Return what is found, once it is."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {WAIT_SECONDS:g} s")


def is_at_work(process: int | psutil.Process) -> bool:
    """Tell whether a process has not ended; one that nobody has waited for yet has."""
    with suppress(psutil.NoSuchProcess):
        found = psutil.Process(process) if isinstance(process, int) else process
        return found.status() != psutil.STATUS_ZOMBIE
    return False
