"""Loading a recording from its folder: which format it is, and whether it can be replayed."""

from collections.abc import Sequence
from pathlib import Path

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings import long, wide
from kalshi_assets.local_exchange.recordings.cells import read_table
from kalshi_assets.local_exchange.recordings.contracts import Contracts
from kalshi_assets.local_exchange.recordings.frame_loading import holds_frames, load_frames
from kalshi_assets.local_exchange.recordings.history import History
from kalshi_assets.local_exchange.recordings.market import RecordedMarket
from kalshi_assets.local_exchange.recordings.recorded_tape import RecordedTape
from kalshi_assets.local_exchange.units import ONE_DOLLAR, iso

CANDLES = "candles.csv"
_READERS = {wide.TIME_COLUMN: wide.read_wide, long.TIME_COLUMN: long.read_long}


def load_recording(folder: Path, *, name: str, started_ms: int, spread: int = 200) -> RecordedTape:
    """Load a folder of recorded candles or frames.

    Args:
        folder: where `candles.csv` lies, and `markets.csv` if the format needs it; or frames, see
            `frame_loading`.
        name: the name the state folder is stamped with.
        started_ms: where the venue clock begins, in ms since the epoch, within the recording.
        spread: distance of bid and ask around the traded price, in $0.0001, where the recording has
            no quotes.

    Raises:
        RecordingError: naming the place and the value that cannot be replayed.
    """
    if not 0 <= spread < ONE_DOLLAR:
        raise RecordingError(f"spread {spread} is outside 0-{ONE_DOLLAR - 1} (in $0.0001)")
    if not folder.is_dir():
        raise RecordingError(f"{folder} is no folder: name the folder a recording lies in")
    if not (folder / CANDLES).is_file() and holds_frames(folder):
        streamed, series = load_frames(folder)
        _check_start(folder, [market.recorded for market in streamed], started_ms)
        return RecordedTape(name, started_ms, markets=streamed, series=series)
    histories = _read(folder)
    bars = [(history.bars[0].start_ms, history.bars[-1].end_ms) for history in histories]
    _check_start(folder, bars, started_ms)
    markets = [RecordedMarket(one, recording=name, spread=spread) for one in histories]
    return RecordedTape(name, started_ms, markets=markets)


def _read(folder: Path) -> list[History]:
    candles, records = folder / CANDLES, folder / "markets.csv"
    if not candles.is_file():
        raise RecordingError(
            f"{folder} has no candles.csv, and no frames in events/*/*.ndjson.gz or *.ndjson.gz: a"
            " recording needs one or the other"
        )
    table = read_table(candles)
    for column, read in _READERS.items():
        if column in table.header:
            return read(table, Contracts(records) if records.is_file() else None)
    raise RecordingError(
        f"{candles} has neither a column {' nor '.join(_READERS)}: its header"
        f" {','.join(table.header)[:200]} is of no known format"
    )


def _check_start(folder: Path, recorded: Sequence[tuple[int, int]], started_ms: int) -> None:
    first, last = min(start for start, _ in recorded), max(end for _, end in recorded)
    if not first <= started_ms <= last:
        raise RecordingError(
            f"a start at {iso(started_ms)} is outside {folder}, recorded from {iso(first)} to"
            f" {iso(last)}: start within"
        )
