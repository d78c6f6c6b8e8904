"""Could a server be started on this folder? Asked without starting one or changing anything."""

from pathlib import Path

from kalshi_assets.storage.embedded import home
from kalshi_assets.storage.embedded.account import server_account
from kalshi_assets.storage.embedded.binaries import locate
from kalshi_assets.storage.embedded.cluster import Cluster
from kalshi_assets.storage.embedded.failures import storage_errors
from kalshi_assets.storage.embedded.folder import DataFolder


def require_startable(data_dir: Path) -> bool:
    """Check that a start would find nothing in its way; return False where there is no data yet.

    Raises:
        DatabaseMismatch: the data is of another PostgreSQL version.
        StorageError: the folder is another user's, not ours, or damaged.
        ConfigurationError: the PostgreSQL binaries are not installed.
    """
    with storage_errors(data_dir):
        binaries, account = locate(), server_account()
        folder = DataFolder(data_dir.resolve())
        if not folder.path.exists():
            return False
        folder.require_ours()
        place = folder.home()
        if place is None:
            return False
        home.require_usable(place, account, folder=folder)
        cluster = Cluster(place / "cluster", binaries=binaries, account=account)
        if not cluster.path.exists():
            return False
        cluster.check_version()
        folder.password()
        return True
