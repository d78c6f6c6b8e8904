"""The home of a data folder: a folder of the server's user, in it or, as root, maybe elsewhere.

As root the server runs as another user. Where that user can pass to the data folder, the home is in
it, so that a mounted or moved data folder carries its data. Where it cannot, the home is in
`SHARED`, the data folder keeps its path, and a claim file beside the home keeps the path of the
data folder.
"""

import hashlib
import logging
from pathlib import Path

from kalshi_assets.errors import StorageError
from kalshi_assets.storage.embedded.account import Account, make_shared, owner_of
from kalshi_assets.storage.embedded.folder import DataFolder, write_whole

SHARED = Path("/var/lib/kalshi-assets")
_INSIDE = "server"
_log = logging.getLogger(__name__)


def find_home(folder: DataFolder, account: Account, *, shared: Path) -> Path:
    """Return the home, made if the data folder is new.

    Raises:
        StorageError: it is missing, closed to the server's user, or another data folder's.
    """
    home = folder.home()
    if home is None:
        home = _make(_place(folder, account, shared=shared), account)
        folder.remember_home(home)
    require_usable(home, account, folder=folder)
    if not home.is_relative_to(folder.path):
        _claim(home, folder)
    return home


def _place(folder: DataFolder, account: Account, *, shared: Path) -> Path:
    inside = folder.path / _INSIDE
    if account.closed_parent(inside) is None:
        return inside
    name = hashlib.sha256(str(folder.path).encode()).hexdigest()[:16]
    home, number = make_shared(shared) / name, 1
    while home.exists():
        _log.warning("%s holds the data of a removed %s and may be deleted", home, folder.path)
        number += 1
        home = shared / f"{name}-{number}"
    return home


def _make(home: Path, account: Account) -> Path:
    home.mkdir(mode=0o700, exist_ok=True)
    account.give(home)
    return home


def require_usable(home: Path, account: Account, *, folder: DataFolder) -> None:
    """Check that the server's user can work in a home.

    Raises:
        StorageError: it is missing, or closed to that user.
    """
    if not home.is_dir():
        raise StorageError(
            f"the data of {folder.path} should be in {home}, which is missing: bring it back from "
            f"a backup, or remove {folder.path} to begin with an empty database"
        )
    closed = account.closed_parent(home)
    if closed is not None:
        raise StorageError(
            f"the server runs as user {account.name}, who can no longer pass through {closed} to "
            f"{home}: let others pass (chmod o+x {closed}), or move the project"
        )
    if account.is_borrowed and owner_of(home) != account.name:
        raise StorageError(
            f"the folder {home} belongs to user {owner_of(home)} and the server runs as "
            f"{account.name}: give it to that user (chown -R {account.name} {home})"
        )


def _claim(home: Path, folder: DataFolder) -> None:
    """Refuse a copied data folder: it leads to the home of the original."""
    claim = home.with_name(f"{home.name}.claim")
    if claim.exists():
        other = DataFolder(Path(claim.read_text().strip()))
        if other.path != folder.path and other.home() == home:
            raise StorageError(
                f"{folder.path} is a copy of {other.path}, and the data of both would be in "
                f"{home}: remove {folder.path} to begin with an empty database"
            )
    write_whole(claim, str(folder.path))
