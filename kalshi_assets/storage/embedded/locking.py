"""One owner of a data folder at a time, by a system lock that dies with its holder."""

import os
import sys
from pathlib import Path

from kalshi_assets.errors import DatabaseInUse

# Windows locks a byte range against reading too: lock one byte far behind the pid that others read.
_WINDOWS_LOCKED_BYTE = 1 << 30


class FolderLock:
    """An exclusive lock on a file that names its holder; it is held while `handle` is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.handle: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise at once.

        Raises:
            DatabaseInUse: another process, or another server of this process, holds it.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not try_lock(handle):
                raise self._in_use()
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        except BaseException:
            os.close(handle)
            raise
        self.handle = handle

    def release(self) -> None:
        """Let go. The file stays: were it removed, two processes could hold different ones."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def _in_use(self) -> DatabaseInUse:
        holder = self._path.read_text().strip() or "unknown"
        return DatabaseInUse(
            f"the database folder {self._path.parent} is in use by process {holder}: use the "
            "database it serves (`kalshi-assets db env` prints its address), stop that process, or "
            "choose another folder"
        )


def try_lock(handle: int) -> bool:
    """Lock an open file for as long as it is open; tell whether nobody else holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, _WINDOWS_LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
