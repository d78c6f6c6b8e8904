"""The postmaster, the parent of the server's processes: started, and waited for."""

import os
import socket
import subprocess
from pathlib import Path

from kalshi_assets.errors import DatabaseInUse, DatabaseUnavailable
from kalshi_assets.storage.embedded.address import HOST, ServerAddress
from kalshi_assets.storage.embedded.cluster import Cluster
from kalshi_assets.storage.embedded.processes import PidFile, Timer, cluster_name
from kalshi_assets.storage.embedded.spawning import LogTail, spawn

READY_SECONDS = 120.0
# Ours at every start, whatever postgresql.conf says.
_FIXED = (
    "unix_socket_directories=",  # a socket's path may not exceed 107 bytes
    "fsync=on",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",  # the log is read here
    "log_destination=stderr",
    "logging_collector=off",
    "log_checkpoints=off",  # the log is cut at a start only: nothing that repeats while all is well
)


class PortTaken(Exception):
    """Another program took the port between its choice and the start."""


def free_port() -> int:
    """Return a loopback port that is free now; another program may still take it."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def launch(cluster: Cluster, port: int, *, log: Path) -> "subprocess.Popen[bytes]":
    """Start the postmaster, listening on a port of the loopback interface only."""
    settings = (
        f"listen_addresses={HOST}",
        f"port={port}",
        f"cluster_name={cluster_name(cluster.path)}",
        *_FIXED,
    )
    words = [str(cluster.binaries.program("postgres")), "-D", str(cluster.path)]
    words += [word for setting in settings for word in ("-c", setting)]
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as output:
        return spawn(words, account=cluster.account, folder=cluster.path, output=output)


def wait_until_ready(
    child: "subprocess.Popen[bytes]",
    address: ServerAddress,
    *,
    cluster: Path,
    log: LogTail,
    timer: Timer,
) -> None:
    """Wait for recovery to end and a first connection to open.

    Raises:
        PortTaken: start again, on another port.
        DatabaseUnavailable: the server ended, refuses our password, or was not ready in 120 s.
        DiskFull: it ended for want of room.
        DatabaseInUse: it ended since processes of a server before it still use the data.
    """

    def is_settled() -> bool:
        if child.poll() is not None:
            return True
        return _says_ready(cluster, child.pid) and _accepts(address)

    if not timer.wait_for(is_settled, seconds=READY_SECONDS):
        raise DatabaseUnavailable(
            f"the database in {cluster} was not ready in {READY_SECONDS:.0f} s, the data is as it "
            f"was: start again. The log {log.path} ends with:\n{log.last_lines()}"
        )
    if child.poll() is not None:
        _explain_end(cluster, log)


def _explain_end(cluster: Path, log: LogTail) -> None:
    log.refuse_full_disk(cluster)
    if log.has("could not bind"):
        raise PortTaken
    if log.has("is still in use"):
        raise DatabaseInUse(
            f"processes of an earlier PostgreSQL server still use {cluster}: end them, or restart "
            "the machine"
        )
    raise DatabaseUnavailable(
        f"the database in {cluster} did not start; the log {log.path} ends "
        f"with:\n{log.last_lines()}"
    )


def _says_ready(cluster: Path, pid: int) -> bool:
    written = PidFile.read(cluster)
    return written is not None and written.pid == pid and written.is_ready


def _accepts(address: ServerAddress) -> bool:
    """Tell whether a connection opens. Scram proves both sides: it is our server that answers."""
    # Who looks after a server that runs needs no driver, and stays for months.
    import psycopg

    try:
        psycopg.connect(
            address.url, connect_timeout=5, sslmode="disable", gssencmode="disable"
        ).close()
    except psycopg.OperationalError as exc:
        if "password authentication failed" in str(exc):
            raise DatabaseUnavailable(
                "the database refuses the password in its password file: bring that file back from "
                "a backup"
            ) from exc
        return False
    return True
