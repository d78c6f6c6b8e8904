"""Which user the server runs as, and what that user can reach.

PostgreSQL refuses to run as root. As root the server is therefore given to an account that exists
on every POSIX system and owns nothing. No account is created, and nobody's permissions are changed.
"""

import getpass
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from kalshi_assets.errors import StorageError

_BORROWED = "nobody"
_READ, _ENTER = 4, 1


@dataclass(frozen=True)
class Account:
    """The user of the server process.

    Attributes:
        uid: the user id, or -1 on Windows, where there is none.
        is_borrowed: the account is not that of this process.
    """

    name: str
    uid: int
    gid: int
    is_borrowed: bool

    @property
    def spawn_user(self) -> int | None:
        """The `user=` of a child process."""
        return self.uid if self.is_borrowed else None

    @property
    def spawn_group(self) -> int | None:
        """The `group=` of a child process."""
        return self.gid if self.is_borrowed else None

    @property
    def spawn_extra_groups(self) -> list[int] | None:
        """The `extra_groups=` of a child process: none are left to a borrowed account."""
        return [] if self.is_borrowed else None

    def give(self, path: Path) -> None:
        """Make a file or folder of ours this account's."""
        if sys.platform != "win32" and self.is_borrowed:
            os.chown(path, self.uid, self.gid)

    def closed_parent(self, path: Path) -> Path | None:
        """Return the topmost parent folder of `path` this account cannot pass through, if any.

        Judged by permission bits; where access lists say more, the answer is the careful one.
        """
        for folder in reversed(path.parents):
            if not self.has_bits(folder, _ENTER):
                return folder
        return None

    def can_use_tree(self, top: Path) -> bool:
        """Tell whether this account can read every file and enter every folder under `top`."""
        if self.closed_parent(top) is not None:
            return False
        return all(
            self.has_bits(path, _READ | (_ENTER if path.stat().st_mode & stat.S_IXUSR else 0))
            for path in (top, *top.rglob("*"))
        )

    def has_bits(self, path: Path, wanted: int) -> bool:
        """Tell whether the permission bits that apply to this account include the `wanted` ones."""
        if not self.is_borrowed:
            return True
        status = path.stat()
        mode = status.st_mode
        if status.st_uid == self.uid:
            mode >>= 6
        elif status.st_gid == self.gid:
            mode >>= 3
        return mode & wanted == wanted


def server_account() -> Account:
    """Return the account the server runs as: that of this process, or as root a borrowed one.

    Raises:
        StorageError: this process is root and there is no account to borrow.
    """
    if sys.platform == "win32":
        return Account("", -1, -1, is_borrowed=False)
    if os.geteuid() != 0:
        return Account(my_name(), os.geteuid(), os.getegid(), is_borrowed=False)
    import pwd

    try:
        entry = pwd.getpwnam(_BORROWED)
    except KeyError as exc:
        raise StorageError(
            f"PostgreSQL does not run as root, and there is no account {_BORROWED!r} to run it as: "
            "start as an ordinary user, or set KALSHI_DATABASE_URL to a server of your own"
        ) from exc
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, is_borrowed=True)


def require_own(path: Path) -> None:
    """Refuse a file or folder that belongs to another user than this process runs as.

    Raises:
        StorageError: it does; nothing was changed.
    """
    owner = owner_of(path)
    if owner == my_name():
        return
    kind = "folder" if path.is_dir() else "file"
    raise StorageError(
        f"the database {kind} {path} belongs to user {owner} and this process runs as {my_name()}: "
        f"start as {owner}, choose another folder, or move it away to begin with an empty database"
    )


def make_shared(shared: Path) -> Path:
    """Make root's folder that other users may pass through and not list.

    Raises:
        StorageError: it is there and belongs to another user.
    """
    if not shared.exists():
        shared.mkdir(parents=True)
        shared.chmod(0o711)
    require_own(shared)
    return shared


def owner_of(path: Path) -> str:
    """Return the name of a file's owner; on Windows, that of this process."""
    return my_name() if sys.platform == "win32" else _user_name(path.stat().st_uid)


def my_name() -> str:
    """Return the name of the user this process runs as."""
    return getpass.getuser() if sys.platform == "win32" else _user_name(os.geteuid())


def _user_name(uid: int) -> str:
    if sys.platform == "win32":
        return str(uid)
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
