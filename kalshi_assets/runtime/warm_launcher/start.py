"""Starts a warm process: imports the code, makes the runs' instance, then serves.

A second one at the same socket ends at once.
"""

import argparse
import fcntl
import gc
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep

from dagster._core.origin import RepositoryPythonOrigin
from dagster._serdes import deserialize_value
from dagster._utils.hosted_user_process import recon_repository_from_origin

from kalshi_assets.runtime.warm_launcher import worker
from kalshi_assets.runtime.warm_launcher.code import CodeState
from kalshi_assets.runtime.warm_launcher.server import Server

LOCK_SECONDS = 5.0
# What Dagster itself imports in every run, and not before.
IMPORTED_LATE = (
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.system_config.composite_descent",
    "multiprocessing.synchronize",
)


def _is_first(lock: int) -> bool:
    """Take the lock of the socket; one that retires gives it back at once."""
    deadline = monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if monotonic() > deadline:
                return False
            sleep(0.05)
        else:
            return True


def main(
    words: Sequence[str] | None = None,
    code: CodeState | None = None,
    instance_ref: str | None = None,
    kept: worker.KeptInstance | None = None,
) -> None:
    """Import the code, then serve.

    Args:
        words: those of the command line, where it was not started by one.
        code: the state of the code at the time it was imported, where it was already.
        instance_ref: the instance of the runs; by default it comes as standard input, for it may
            hold a password, which a command line may not.
        kept: an instance that was made already, where it is that of the runs.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket", type=Path)
    parser.add_argument("--origin", required=True, help="a serialized RepositoryPythonOrigin")
    parser.add_argument("--preload", action="append", default=[], help="a module to import too")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--spare", action="store_true", help="keep a process forked ahead")
    parser.add_argument(
        "--spare-call", action="append", default=[], help="module:function, called in it"
    )
    # Told, not looked up: it may have ended while the code was imported.
    parser.add_argument("--parent", type=int, required=True, help="the process to end with")
    told = parser.parse_args(words)
    logging.basicConfig(format="%(asctime)s warm process: %(message)s")
    # A lock of the process, not of the descriptor: forked runs do not hold it.
    lock = os.open(told.socket.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    if not _is_first(lock):
        return
    origin = deserialize_value(told.origin, RepositoryPythonOrigin)
    repository = recon_repository_from_origin(origin).get_definition()
    for job in repository.get_all_jobs():
        repository.get_job(job.name)
    for name in (*IMPORTED_LATE, *told.preload):
        importlib.import_module(name)
    if instance_ref is None:
        instance_ref = sys.stdin.read()
    if kept is None or kept.told != instance_ref:
        kept = worker.keep_instance(instance_ref)
    code = CodeState.now() if code is None else code.with_later()
    gc.collect()
    # What is there now stays: collecting it would copy its pages into every run.
    gc.freeze()
    spare_calls = told.spare_call if told.spare else None
    Server(told.socket, told.limit, code, lock, told.parent, kept, spare_calls).serve()


if __name__ == "__main__":
    main()
