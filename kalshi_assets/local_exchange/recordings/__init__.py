"""Recordings replayed as a tape: a folder of candles, or of WebSocket frames.

Here belongs all that knows how a recording is written and how it becomes quotes and trades. What
the exchange does with them does not. Reading order: `loading` (the folder), then for candles:
`wide` and `long` (the two formats) over `cells` → `contracts` (the listings) → `bars` (a bar's
walk) → `quoting` → `market` and `candles`; for frames: `frame_loading` → `frame_files` →
`frame_folding` (with `frame_order` and `set_aside`) → `frames` (one market's) → `book_course` →
`event_bodies` (the listings) → `frame_market`. `recorded_tape` puts the markets together.
"""

from kalshi_assets.local_exchange.recordings.frame_loading import frames_digest
from kalshi_assets.local_exchange.recordings.loading import CANDLES, load_recording
from kalshi_assets.local_exchange.recordings.recorded_tape import RecordedTape

__all__ = ["CANDLES", "RecordedTape", "frames_digest", "load_recording"]
