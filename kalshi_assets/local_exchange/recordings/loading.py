"""Loading a recording from its folder: which format it is, and whether it can be replayed."""

from collections.abc import Sequence
from pathlib import Path

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings import long, wide
from kalshi_assets.local_exchange.recordings.cells import read_table
from kalshi_assets.local_exchange.recordings.contracts import Contracts
from kalshi_assets.local_exchange.recordings.history import History
from kalshi_assets.local_exchange.recordings.market import RecordedMarket
from kalshi_assets.local_exchange.recordings.recorded_tape import RecordedTape
from kalshi_assets.local_exchange.units import ONE_DOLLAR, iso

_READERS = {wide.TIME_COLUMN: wide.read_wide, long.TIME_COLUMN: long.read_long}


def load_recording(folder: Path, *, name: str, started_ms: int, spread: int = 200) -> RecordedTape:
    """Load a folder of recorded candles.

    Args:
        folder: where `candles.csv` lies, and `markets.csv` if the format needs it.
        name: the name the state folder is stamped with.
        started_ms: where the venue clock begins, in ms since the epoch, within the recording.
        spread: distance of bid and ask around the traded price, in $0.0001, where the recording has
            no quotes.

    Raises:
        RecordingError: naming the place and the value that cannot be replayed.
    """
    if not 0 <= spread < ONE_DOLLAR:
        raise RecordingError(f"spread {spread} is outside 0-{ONE_DOLLAR - 1} (in $0.0001)")
    histories = _read(folder)
    _check_start(folder, histories, started_ms)
    markets = [RecordedMarket(one, recording=name, spread=spread) for one in histories]
    return RecordedTape(name, started_ms, markets=markets)


def _read(folder: Path) -> list[History]:
    candles, records = folder / "candles.csv", folder / "markets.csv"
    if not folder.is_dir():
        raise RecordingError(f"{folder} is no folder: name the folder a recording lies in")
    if not candles.is_file() and (folder / "events").is_dir():
        raise RecordingError(
            f"{folder} holds WebSocket frames (events/); this version replays candle folders, which"
            " have a candles.csv"
        )
    if not candles.is_file():
        raise RecordingError(f"{folder} has no candles.csv: a recording needs one")
    table = read_table(candles)
    for column, read in _READERS.items():
        if column in table.header:
            return read(table, Contracts(records) if records.is_file() else None)
    raise RecordingError(
        f"{candles} has neither a column {' nor '.join(_READERS)}: its header"
        f" {','.join(table.header)[:200]} is of no known format"
    )


def _check_start(folder: Path, histories: Sequence[History], started_ms: int) -> None:
    first = min(history.bars[0].start_ms for history in histories)
    last = max(history.bars[-1].end_ms for history in histories)
    if not first <= started_ms <= last:
        raise RecordingError(
            f"a start at {iso(started_ms)} is outside {folder}, recorded from {iso(first)} to"
            f" {iso(last)}: start within"
        )
