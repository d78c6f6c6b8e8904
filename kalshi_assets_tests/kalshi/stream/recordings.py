"""Frames of real markets, where the folder with them is; a clone does not carry it."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kalshi_assets_tests.kalshi.shared_files import KALSHI

FOLDER = KALSHI.parent / "market-data" / "kxgold15m-websocket" / "events"


class Line(msgspec.Struct):
    recv_ms: int
    event: msgspec.Raw


def files() -> list[Path]:
    return sorted(FOLDER.glob("*/*.ndjson.gz"))


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield when each frame came and its bytes."""
    with gzip.open(path) as file:
        for line in file:
            read = msgspec.json.decode(line, type=Line)
            yield read.recv_ms, bytes(read.event)
