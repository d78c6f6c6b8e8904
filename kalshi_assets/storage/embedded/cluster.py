"""The cluster, as PostgreSQL calls its data: made by initdb, and of one major version."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from kalshi_assets.errors import DatabaseMismatch, StorageError
from kalshi_assets.storage.embedded.account import Account
from kalshi_assets.storage.embedded.address import SUPERUSER
from kalshi_assets.storage.embedded.binaries import MAJOR, Binaries
from kalshi_assets.storage.embedded.spawning import LogTail, spawn

_INITDB_SECONDS = 300.0
_UNFINISHED = "unfinished-"
# Written to postgresql.conf, so the user may change them. The sizes fit a machine of 1 GB that has
# two cores at most: what is read often is cached by the operating system as well.
_DEFAULTS = (
    "shared_buffers=32MB",
    "maintenance_work_mem=32MB",
    "max_wal_size=256MB",
    "max_connections=100",
    "synchronous_commit=on",
    # The password is random and long: nobody guesses it, however quick a try is. Each run connects
    # four times.
    "scram_iterations=1",
    "jit=off",
    "max_parallel_workers_per_gather=0",
    "io_workers=1",
    "autovacuum_max_workers=2",
    # A night deletes a seventh of Dagster's events: it may be used again the night after.
    "autovacuum_vacuum_scale_factor=0.05",
)
_INITDB_OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # sorts alike on every machine, and is on every machine
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


@dataclass(frozen=True)
class Cluster:
    """The data, and what it is served with."""

    path: Path
    binaries: Binaries
    account: Account

    def check_version(self) -> None:
        """Refuse data of another major version.

        Raises:
            DatabaseMismatch: the data is of another version.
            StorageError: it does not say of which, so it is not whole.
        """
        try:
            version = (self.path / "PG_VERSION").read_text().strip()
        except FileNotFoundError as exc:
            raise StorageError(
                f"{self.path} is not a whole PostgreSQL data folder (PG_VERSION is missing): bring "
                "it back from a backup, or move the database folder away to begin with an empty one"
            ) from exc
        if version != str(MAJOR):
            raise DatabaseMismatch(
                f"the data in {self.path} is of PostgreSQL {version} and the installed server is "
                f"{MAJOR}: dump it with the version of kalshi-assets that made it, or move the "
                "database folder away"
            )

    def make(self, password: str) -> None:
        """Run initdb beside the final place, and move the result there when it is whole.

        Raises:
            DiskFull: there was no room for it.
            StorageError: initdb failed otherwise.
        """
        home = self.path.parent
        for left_over in home.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        work = home / f"{_UNFINISHED}{os.getpid()}"
        work.mkdir(mode=0o700)
        try:
            password_file = work / "password"
            password_file.touch(mode=0o600)
            password_file.write_text(password)
            self.account.give(password_file)
            self.account.give(work)
            self._initdb(work / "cluster", password_file)
            (work / "cluster").rename(self.path)
            _sync_folder(home)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _initdb(self, target: Path, password_file: Path) -> None:
        words = [str(self.binaries.program("initdb")), f"--pgdata={target}"]
        words += [f"--username={SUPERUSER}", f"--pwfile={password_file}", *_INITDB_OPTIONS]
        words += [f"--set={setting}" for setting in _DEFAULTS]
        log = LogTail(target.with_name("output"))
        with log.path.open("wb") as output:
            child = spawn(words, account=self.account, folder=target.parent, output=output)
            try:
                status = child.wait(_INITDB_SECONDS)
            except BaseException:
                child.kill()
                child.wait()
                raise
        if status != 0:
            log.refuse_full_disk(self.path)
            raise StorageError(f"initdb failed for {self.path}; it said:\n{log.last_lines()}")


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
