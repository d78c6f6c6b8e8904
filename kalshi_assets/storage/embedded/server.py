"""The embedded server: the order in which folder, left-overs and cluster are dealt with."""

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from kalshi_assets.errors import DatabaseUnavailable
from kalshi_assets.storage.embedded import home
from kalshi_assets.storage.embedded.account import server_account
from kalshi_assets.storage.embedded.address import ServerAddress
from kalshi_assets.storage.embedded.binaries import locate, usable_copy
from kalshi_assets.storage.embedded.cluster import Cluster
from kalshi_assets.storage.embedded.ending import end_left_overs, shut_down
from kalshi_assets.storage.embedded.failures import storage_errors
from kalshi_assets.storage.embedded.folder import DataFolder, Running
from kalshi_assets.storage.embedded.inherited import Inherited
from kalshi_assets.storage.embedded.locking import FolderLock
from kalshi_assets.storage.embedded.postmaster import (
    PortTaken,
    free_port,
    launch,
    wait_until_ready,
)
from kalshi_assets.storage.embedded.processes import ProcessMark, Timer
from kalshi_assets.storage.embedded.spawning import LogTail

_PORT_ATTEMPTS = 5
_TIMER = Timer()


class EmbeddedServer:
    """A PostgreSQL server on a data folder, owned by this process until `stop`.

    Call `start` in the main thread: only from there the server ends with a process that is killed.
    """

    def __init__(self, data_dir: Path, *, timer: Timer = _TIMER) -> None:
        self._data_dir = data_dir
        self._timer = timer
        self._lock: FolderLock | None = None
        self._child: subprocess.Popen[bytes] | Inherited | None = None
        self._address: ServerAddress | None = None

    def start(self) -> ServerAddress:
        """Make the database if it is new, start the server, and wait until it accepts connections.

        Left-overs of an owner that was killed are ended first. Started already, it returns the same
        address.

        Raises:
            DatabaseInUse: another process owns the folder, or an unknown server runs on it.
            DatabaseMismatch: the data is of another PostgreSQL version.
            DiskFull: there is no room.
            DatabaseUnavailable: the server did not start, or was not ready in 120 s.
            StorageError: the folder is another user's, not ours, or damaged.
            ProcessError: a left-over could not be ended.
            ConfigurationError: the PostgreSQL binaries are not installed.
        """
        if self._address is not None and self._child is not None and self._child.poll() is None:
            return self._address
        self.stop()
        try:
            with storage_errors(self._data_dir):
                folder = DataFolder(self._data_dir.resolve())
                cluster = self._prepare(folder)
                self._address = self._serve(folder, cluster)
        except BaseException:
            self.stop()
            raise
        return self._address

    def require_alive(self) -> None:
        """Check that the server still runs.

        Raises:
            DatabaseUnavailable: it has ended. On a new start it has another port, which what was
                told the old one would not learn: that has to be started anew as well.
        """
        if self._child is None or self._child.poll() is not None:
            raise DatabaseUnavailable(
                f"the database in {self._data_dir} has ended, its log there says why: start again"
            )

    def handed_over(self) -> "EmbeddedServer":
        """Return it for the program that this process becomes by exec: to be kept, not started.

        The lock stays held: its file stays open.

        Raises:
            DatabaseUnavailable: it has ended.
        """
        self.require_alive()
        kept = EmbeddedServer(self._data_dir, timer=self._timer)
        kept._lock = self._lock
        if self._lock is not None and self._lock.handle is not None:
            os.set_inheritable(self._lock.handle, True)
        if self._child is not None:
            kept._child = Inherited(self._child.pid)
        return kept

    def stop(self) -> None:
        """Shut the server down (fast), wait for it, let go of the folder. May be called again."""
        self._address = None
        self._end_child()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _prepare(self, folder: DataFolder) -> Cluster:
        """Own the folder, and bring the data to where a postmaster can be started on it."""
        account = server_account()
        folder.claim(account)
        self._lock = FolderLock(folder.lock_path)
        self._lock.acquire()
        place = home.find_home(folder, account, shared=home.SHARED)
        cluster = Cluster(
            place / "cluster",
            binaries=usable_copy(locate(), account, shared=home.SHARED),
            account=account,
        )
        if cluster.path.exists():
            cluster.check_version()
            folder.password()
            last = folder.running()
            end_left_overs(cluster, last=last.postmaster if last else None, timer=self._timer)
        else:
            cluster.make(folder.draw_password())
        folder.rotate_log()
        return cluster

    def _serve(self, folder: DataFolder, cluster: Cluster) -> ServerAddress:
        for _ in range(_PORT_ATTEMPTS):
            try:
                return self._serve_on(free_port(), folder, cluster=cluster)
            except PortTaken:
                self._end_child()
        raise DatabaseUnavailable(
            f"the database in {cluster.path} lost the race for a free port {_PORT_ATTEMPTS} times: "
            "start again"
        )

    def _serve_on(self, port: int, folder: DataFolder, *, cluster: Cluster) -> ServerAddress:
        address = ServerAddress.on_port(port, folder.password())
        log = LogTail.from_now_on(folder.log_path)
        self._child = child = launch(cluster, port, log=folder.log_path)
        self._remember(folder, port, is_ready=False)
        wait_until_ready(child, address, cluster=cluster.path, log=log, timer=self._timer)
        self._remember(folder, port, is_ready=True)
        return address

    def _remember(self, folder: DataFolder, port: int, *, is_ready: bool) -> None:
        """Write down which processes serve and own the folder.

        A child that has ended has no mark: the wait for it tells why.
        """
        owner = ProcessMark.of(os.getpid())
        postmaster = ProcessMark.of(self._child.pid) if self._child else None
        if owner is not None and postmaster is not None:
            folder.remember_running(Running(owner, postmaster, port=port, is_ready=is_ready))

    def _end_child(self) -> None:
        if self._child is not None:
            shut_down(self._child)
            self._child = None


def running_server(data_dir: Path) -> ServerAddress | None:
    """Return the address of the server that a living process owns on this folder, or None.

    Raises:
        StorageError: the folder is another user's, or damaged.
    """
    with storage_errors(data_dir):
        folder = DataFolder(data_dir.resolve())
        running = folder.running()
        if running is None or not running.is_served():
            return None
        return ServerAddress.on_port(running.port, folder.password())
