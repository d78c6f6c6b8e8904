"""Recordings of candles, replayed as a tape: a folder with `candles.csv`, maybe with `markets.csv`.

Here belongs all that knows how a recording is written and how its bars become quotes and trades.
What the exchange does with them does not. Reading order: `loading` (the folder) → `wide` and `long`
(the two formats) over `cells` → `contracts` (the listings) → `bars` (a bar's walk) → `quoting` →
`market` and `candles` → `recorded_tape`.
"""

from kalshi_assets.local_exchange.recordings.loading import load_recording
from kalshi_assets.local_exchange.recordings.recorded_tape import RecordedTape

__all__ = ["RecordedTape", "load_recording"]
