"""Run all benchmarks: `make bench`, or `python -m bench rolling`."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import backfill, ingest, keeping, limits, poll, rolling, stream
from bench.report import Figure, Result
from kalshi_assets.storage.embedded import EmbeddedServer

BENCHMARKS: dict[str, Callable[[str], Sequence[Result | Figure]]] = {
    "backfill": backfill.run,
    "rolling": rolling.run,
    "ingest": ingest.run,
    "keeping": keeping.run,
    "limits": limits.run,
    "poll": poll.run,
    "stream": stream.run,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them, on an embedded server of their own."""
    print(f"{'benchmark':<44}{'ours':>12}{'baseline':>12}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        # As root the server is another user's: what it may pass through holds its data as well.
        Path(folder).chmod(0o755)
        _measure(Path(folder) / "postgres", names or sorted(BENCHMARKS))


def _measure(folder: Path, names: list[str]) -> None:
    with EmbeddedServer(folder) as server:
        url = server.start().url
        for name in names:
            for result in BENCHMARKS[name](url):
                print(result)


if __name__ == "__main__":
    main(sys.argv[1:])
