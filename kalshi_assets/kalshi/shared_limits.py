"""The state of an account's buckets in one small file, for all processes of a user on a machine.

It is opened anew each time, so that forked processes and threads exclude each other alike, and
its lock is the system's, which ends with its holder. What cannot be believed (a file that is
broken, or of a time before the machine was started) counts as an account that just spent all it
had: that costs a moment, and lets no burst through. Moments are those of `time.monotonic`, which
all processes of a machine share.
"""

import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kalshi_assets.domain.clock import wall_ms
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.kalshi.rate_limit import (
    LONGEST_WAIT_SECONDS,
    Account,
    BucketSize,
    RateLimits,
    Tier,
)

# A line of callers as long as it may get, and the refill of a bucket.
FURTHEST_SECONDS = LONGEST_WAIT_SECONDS + 60
LARGEST_BYTES = 1 << 20
UNUSED_SECONDS = 86_400
# Windows locks a byte range against reading too: lock one byte far behind the content.
_WINDOWS_LOCKED_BYTE = 1 << 30


def shared_limits(
    base_url: str,
    key_id: str | None = None,
    *,
    folder: Path | None = None,
    kind: type[RateLimits] = RateLimits,
) -> RateLimits:
    """Return the buckets that all processes of this user share for one exchange and key.

    Args:
        base_url: of the exchange.
        key_id: the account; without a key the exchange counts by address: one line a machine.
        folder: where the state lies; by default a folder of this user among temporary files.
        kind: how this caller stands in line.

    Raises:
        ConfigurationError: the folder cannot be used.
    """
    address = urlsplit(base_url)
    host = "".join(c if c.isalnum() or c in ".-" else "_" for c in address.netloc.split("@")[-1])
    account = hashlib.sha256((key_id or "").encode()).hexdigest()[:16] if key_id else "public"
    place = user_folder() if folder is None else folder
    path = place / f"{host}-{account}.json"
    if not path.exists():
        _remove_old(place)
    return kind(FileBook(path))


def user_folder() -> Path:
    """Return this user's folder for state that processes share until the machine is restarted.

    Raises:
        ConfigurationError: it cannot be made, or belongs to someone else.
    """
    user = f"-{os.getuid()}" if sys.platform != "win32" else ""
    folder = Path(tempfile.gettempdir()) / f"kalshi-assets{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as exc:
        raise _unusable(folder, str(exc.strerror)) from exc
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(folder, "it is no folder")
    if sys.platform != "win32" and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        raise _unusable(folder, "others than you may write to it")
    return folder


def _remove_old(folder: Path) -> None:
    """Remove the state of accounts long unused; each start of a local exchange leaves one."""
    for path in folder.glob("*.json"):
        with suppress(OSError):
            if path.stat().st_mtime < wall_ms() / 1000 - UNUSED_SECONDS:
                path.unlink()


class FileBook:
    """The state in a file. `path` is made at first use."""

    def __init__(self, path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic

    @contextmanager
    def opened(self) -> Iterator[Account]:
        """Yield the state to one process and thread at a time; what changed is written back.

        Raises:
            ConfigurationError: the file cannot be opened or written.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            handle = os.open(self._path, flags, 0o600)
        except OSError as exc:
            raise _unusable(self._path, str(exc.strerror)) from exc
        try:
            _lock(handle)
            account = self._read(handle)
            before = replace(account, full_at=dict(account.full_at))
            yield account
            try:
                if account != before:
                    _write(handle, account)
            except OSError as exc:
                raise _unusable(self._path, str(exc.strerror)) from exc
        finally:
            os.close(handle)

    def _read(self, handle: int) -> Account:
        now = self._monotonic()
        try:
            return _believed(json.loads(os.read(handle, LARGEST_BYTES)), now)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return Account.unknown(now)


def _believed(state: dict[str, Any], now: float) -> Account:
    """Return the state as it was written.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it was not, or under another clock.
    """
    counted_at, full_at, told = float(state["counted_at"]), state["full_at"], state["tier"]
    read, write = float(full_at["read"]), float(full_at["write"])
    asked_at, furthest = float(state["asked_at"]), now + FURTHEST_SECONDS
    if not (counted_at <= now and asked_at <= now and read <= furthest and write <= furthest):
        raise ValueError("written under another clock")
    return Account(
        now=now,
        tier=Tier(
            read=_size(told["read"]),
            write=_size(told["write"]),
            default_cost=int(told["default_cost"]),
            costs={str(call): int(cost) for call, cost in told["costs"].items()},
        ),
        full_at={"read": read, "write": write},
        asked_at=asked_at,
        is_known=bool(state["is_known"]),
    )


def _size(told: dict[str, Any]) -> BucketSize:
    size = BucketSize(float(told["per_second"]), float(told["capacity"]))
    if not (0 < size.per_second < inf and 0 < size.capacity < inf):
        raise ValueError(f"no size of a bucket: {size}")
    return size


def _write(handle: int, account: Account) -> None:
    """Write over what was there; one call, so that a killed process leaves the old or the new."""
    state = asdict(account)
    content = json.dumps({"counted_at": state.pop("now"), **state}).encode()
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, content)
    os.ftruncate(handle, len(content))


def _lock(handle: int) -> None:
    """Wait for the file; closing it, or the end of this process, lets go."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            os.lseek(handle, _WINDOWS_LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
            except OSError:  # it gives up after ten seconds
                continue
            os.lseek(handle, 0, os.SEEK_SET)
            return
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX)


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}, where processes share the exchange's rate limit, cannot be used: {why}; remove "
        "it, or set TMPDIR to a folder of yours"
    )
