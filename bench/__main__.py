"""Run all benchmarks: `make bench`, or `python -m bench rolling`."""

import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from bench import (
    backfill,
    book,
    feed,
    footprint,
    frames,
    ingest,
    keeping,
    latency,
    limits,
    poll,
    record,
    rolling,
    stream,
)
from bench.report import Figure, Result, speed_of_machine
from kalshi_assets.storage.embedded import EmbeddedServer

BENCHMARKS: dict[str, Callable[[str], Iterable[Result | Figure]]] = {
    "backfill": backfill.run,
    "book": book.run,
    "feed": feed.run,
    "footprint": footprint.run,
    "frames": frames.run,
    "rolling": rolling.run,
    "ingest": ingest.run,
    "keeping": keeping.run,
    "latency": latency.run,
    "limits": limits.run,
    "poll": poll.run,
    "record": record.run,
    "stream": stream.run,
}

# These take five minutes to an hour: only where they are named.
LONG = {"footprint", "latency", "record"}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them, each on an embedded server of its own.

    What the machine itself takes, at best and at worst of three, stands between them.
    """
    print(f"{'benchmark':<44}{'ours':>12}{'baseline':>12}{'ratio':>8}")
    for name in names or sorted(BENCHMARKS.keys() - LONG):
        with tempfile.TemporaryDirectory() as folder:
            # As root the server is another user's: what it may pass through holds its data as well.
            Path(folder).chmod(0o755)
            with EmbeddedServer(Path(folder) / "postgres") as server:
                print(speed_of_machine(), flush=True)
                for result in BENCHMARKS[name](server.start().url):
                    print(result, flush=True)
    print(speed_of_machine(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
