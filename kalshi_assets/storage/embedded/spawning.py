"""Programs of PostgreSQL as child processes, and what they say."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from kalshi_assets.storage.embedded.account import Account
from kalshi_assets.storage.embedded.failures import disk_full

_PR_SET_PDEATHSIG = 1
_CREATION_FLAGS = 0x200 if sys.platform == "win32" else 0  # CREATE_NEW_PROCESS_GROUP
_NO_ROOM = ("No space left on device", "Disk quota exceeded")


def spawn(
    words: list[str], *, account: Account, folder: Path, output: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Start a program as the server's user, in its own session: Ctrl-C is its owner's business.

    It gets nothing of our environment, which may hold secrets (Windows cannot do without).
    """
    return subprocess.Popen(  # noqa: S603 - a program of ours, and no shell
        words,
        cwd=folder,
        env=None if sys.platform == "win32" else {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        creationflags=_CREATION_FLAGS,
        user=account.spawn_user,
        group=account.spawn_group,
        extra_groups=account.spawn_extra_groups,
        preexec_fn=_die_with_parent(),
    )


class LogTail:
    """What a log got since it was `start` bytes long."""

    def __init__(self, path: Path, *, start: int = 0) -> None:
        self.path = path
        self._start = start

    @classmethod
    def from_now_on(cls, path: Path) -> "LogTail":
        """Return what is going to be written, without what is there already."""
        return cls(path, start=path.stat().st_size if path.exists() else 0)

    def text(self) -> str:
        """Return all of it."""
        return self.path.read_bytes()[self._start :].decode(errors="replace")

    def has(self, *phrases: str) -> bool:
        """Tell whether any of the phrases was logged."""
        text = self.text()
        return any(phrase in text for phrase in phrases)

    def last_lines(self, count: int = 10) -> str:
        """Return the end of it."""
        return "\n".join(self.text().splitlines()[-count:])

    def refuse_full_disk(self, folder: Path) -> None:
        """Raise DiskFull if a program ran out of room."""
        if self.has(*_NO_ROOM):
            raise disk_full(folder)


def _die_with_parent() -> Callable[[], None] | None:
    """Return what a child runs before exec so that it shuts down (fast) when this process dies.

    Linux only. The kernel watches the thread that made the child, and only the main thread lives as
    long as the process: in any other there is None, and a left-over is ended by the next start.
    Called after the change of user, which would clear the setting.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_for_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:  # it died before it was asked to be watched
            os._exit(1)

    return ask_for_signal
