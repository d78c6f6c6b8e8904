"""Errors of the operating system become ours here, with the folder and the way out."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kalshi_assets.errors import DiskFull, StorageError
from kalshi_assets.storage.embedded.account import my_name, owner_of

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT} if sys.platform != "win32" else {errno.ENOSPC}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def disk_full(folder: Path) -> DiskFull:
    """Return the error for a disk, or a quota, without room."""
    return DiskFull(
        f"there is no room left on the disk for the database in {folder}: free some and start "
        "again; what was committed is safe"
    )


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Translate errors of the operating system.

    Raises:
        DiskFull: there is no room.
        StorageError: anything else, most often a file or folder of another user.
    """
    try:
        yield
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise disk_full(folder) from exc
        if exc.errno in _NOT_ALLOWED:
            raise _not_allowed(folder, exc) from exc
        raise StorageError(f"the database folder {folder} cannot be used: {exc}") from exc


def _not_allowed(folder: Path, exc: OSError) -> StorageError:
    place = Path(os.fsdecode(exc.filename)) if exc.filename else folder
    while not _is_visible(place) and place != place.parent:
        place = place.parent
    return StorageError(
        f"the database folder {folder} cannot be used by user {my_name()}: {exc}; {place} belongs "
        f"to {owner_of(place)}: start as that user, or choose another folder"
    )


def _is_visible(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True
