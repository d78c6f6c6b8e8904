"""Loading a folder of recorded frames: `events/` or day files, `metadata/`, `recording.json`.

Whether orders for NO carry YES prices depends on how the frames were subscribed to. A line may say
so itself, as `use_yes_price`; for all others `recording.json` does: `{"use_yes_price": true}`.
Without it they carry NO prices, as Kalshi's default is.
"""

import hashlib
from pathlib import Path

import msgspec

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings.event_bodies import described, read_bodies
from kalshi_assets.local_exchange.recordings.frame_files import frame_files
from kalshi_assets.local_exchange.recordings.frame_folding import read_frames
from kalshi_assets.local_exchange.recordings.frame_market import FrameMarket
from kalshi_assets.local_exchange.tape import Series

NOTES = "recording.json"


class _Notes(msgspec.Struct, forbid_unknown_fields=True):
    use_yes_price: bool = False


def holds_frames(folder: Path) -> bool:
    """Tell whether a folder holds recorded frames."""
    return bool(frame_files(folder))


def load_frames(folder: Path) -> tuple[list[FrameMarket], dict[str, Series]]:
    """Return the markets of a folder, and what is known of their series.

    Raises:
        RecordingError: naming the file and the value that cannot be replayed.
    """
    bodies = read_bodies(folder)
    markets, series = [], {}
    for frames in read_frames(folder, is_yes_priced=_notes(folder).use_yes_price):
        known = described(frames, bodies)
        markets.append(FrameMarket(known.listing, frames))
        series[known.series.ticker] = known.series
    return markets, series


def frames_digest(folder: Path) -> str:
    """Return a digest of everything that `load_frames` reads."""
    digest = hashlib.sha256()
    notes = [folder / NOTES] if (folder / NOTES).is_file() else []
    for file in [*frame_files(folder), *sorted(folder.glob("metadata/*.json")), *notes]:
        digest.update(str(file.relative_to(folder)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _notes(folder: Path) -> _Notes:
    file = folder / NOTES
    if not file.exists():
        return _Notes()
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Notes)
    except (OSError, msgspec.MsgspecError) as exc:
        raise RecordingError(
            f'{file}: {exc}; it may say {{"use_yes_price": true}} or false, and nothing else'
        ) from exc
