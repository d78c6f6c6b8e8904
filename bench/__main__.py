"""Run all benchmarks: `make bench`, or `python -m bench rolling`."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import backfill, ingest, keeping, limits, poll, record, rolling, stream
from bench.report import Figure, Result
from kalshi_assets.storage.embedded import EmbeddedServer

BENCHMARKS: dict[str, Callable[[str], Sequence[Result | Figure]]] = {
    "backfill": backfill.run,
    "rolling": rolling.run,
    "ingest": ingest.run,
    "keeping": keeping.run,
    "limits": limits.run,
    "poll": poll.run,
    "record": record.run,
    "stream": stream.run,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them, on an embedded server of their own."""
    print(f"{'benchmark':<44}{'ours':>12}{'baseline':>12}{'ratio':>8}")
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedServer(Path(folder) / "postgres") as server,
    ):
        url = server.start().url
        for name in names or sorted(BENCHMARKS):
            for result in BENCHMARKS[name](url):
                print(result)


if __name__ == "__main__":
    main(sys.argv[1:])
