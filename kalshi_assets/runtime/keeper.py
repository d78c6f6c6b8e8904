"""What stays of `up`: a small program that looks after the children, and ends everything.

A start imports the driver, the exchange's client and all settings, and holds their sixty megabytes
for as long as it lives: months. So once everything runs, its process becomes this program by exec.
To the children and to the kernel, which kills them with it, it is the same process. Its locks are
open files and a socket, which stay open: nobody can take one meanwhile. Nothing is imported here
that is not used.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import NoReturn

from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.exits import ENDING, exit_code_of, interrupt_on_signals
from kalshi_assets.storage.embedded import EmbeddedServer

MODULE, NAME = "kalshi_assets.runtime.keeper", "kalshi-assets"
LOOK_SECONDS = 1.0
WAKING_SECONDS = 20.0


@dataclass(frozen=True)
class Kept:
    """What is looked after, and ended.

    Attributes:
        children: all of them.
        server: the embedded one, where that is used.
        environ: the variables of the children.
        description: the file that describes this start, removed at the end.
    """

    children: Children
    server: EmbeddedServer | None
    environ: Mapping[str, str]
    description: Path


def become(kept: Kept, *, held: Iterable[int]) -> NoReturn:
    """Become the keeper. Returns never; where that cannot be done, nothing has changed.

    Args:
        kept: what it takes over.
        held: open files and sockets that it holds on to.

    Raises:
        KalshiAssetsError: something has ended already.
        OSError: the program cannot be started.
    """
    server = None if kept.server is None else kept.server.handed_over()
    told = Kept(kept.children.handed_over(), server, kept.environ, kept.description)
    for file in held:
        os.set_inheritable(file, True)
    # It holds secrets: neither on a disk, nor in a list of processes.
    note = os.memfd_create("kept", 0)
    with open(note, "wb", closefd=False) as writing:
        pickle.dump(vars(told), writing)
    os.lseek(note, 0, os.SEEK_SET)
    sys.stdout.flush()
    sys.stderr.flush()
    # Who asks it to end in between must not kill it: it would leave no time to end in order.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        os.execv(sys.executable, [sys.executable, "-m", MODULE, str(note), *sys.argv])  # noqa: S606
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        os.close(note)


def look_after(children: Children) -> NoReturn:
    """Look after children until one that is needed ends, or this process is interrupted."""
    while True:
        children.look_after()
        sleep(LOOK_SECONDS)


def _keep(kept: Kept) -> NoReturn:
    """Look after everything, and end it in order."""
    with ExitStack() as at_end:
        if kept.server is not None:
            at_end.callback(kept.server.stop)
            kept.children.need(kept.server.require_alive)
        at_end.callback(kept.children.stop)
        at_end.callback(partial(kept.description.unlink, missing_ok=True))
        at_end.callback(_end_waiting, kept.environ)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        look_after(kept.children)


def _end_waiting(environ: Mapping[str, str]) -> None:
    words = [sys.executable, "-m", "kalshi_assets.runtime.end_waiting"]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(words, env=dict(environ), timeout=WAKING_SECONDS, check=False)  # noqa: S603


def main() -> None:
    """Take over what this process had started before, and keep it."""
    interrupt_on_signals()
    with suppress(OSError):  # as it is called in lists of processes
        Path("/proc/self/comm").write_text(NAME)
    try:
        with open(int(sys.argv[1]), "rb") as note:  # noqa: PTH123  it has no path
            told = pickle.load(note)  # noqa: S301  this process wrote it
        _keep(Kept(**told))
    except (KeyboardInterrupt, KalshiAssetsError) as exc:
        sys.exit(exit_code_of(exc))


if __name__ == "__main__":
    main()
