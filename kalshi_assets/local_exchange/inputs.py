"""What an exchange plays: a scenario, or a recording from a moment on, and its feed's faults."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kalshi_assets.local_exchange.faults import parse_faults
from kalshi_assets.local_exchange.recordings import CANDLES, frames_digest, load_recording
from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.tape import Tape
from kalshi_assets.local_exchange.units import iso

DEFAULT_SCENARIO = "cpi-week"
DEFAULT_SPREAD = 200


@dataclass(frozen=True, slots=True)
class Recording:
    """A folder of recorded candles or frames, and how to replay it.

    Attributes:
        folder: in one of the formats that `recordings` reads.
        at_ms: the venue clock's first moment; everything before it is history.
        spread: between bid and ask where the recording has traded prices only, in $0.0001.
    """

    folder: Path
    at_ms: int
    spread: int = DEFAULT_SPREAD

    @property
    def name(self) -> str:
        """Return a name that changes with the recorded content, the moment and the spread."""
        candles = self.folder / CANDLES
        if candles.is_file():
            content = hashlib.sha256(candles.read_bytes()).hexdigest()
        else:
            content = frames_digest(self.folder)
        spread = "" if self.spread == DEFAULT_SPREAD else f",spread={self.spread}"
        return f"{self.folder.resolve().name}-{content[:6]}@{iso(self.at_ms)}{spread}"


@dataclass(frozen=True, slots=True)
class Input:
    """What an exchange plays.

    Attributes:
        source: a scenario's name, or a recording.
        faults: "NAME" or "NAME:TICKER", see `faults`.
    """

    source: str | Recording = DEFAULT_SCENARIO
    faults: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Return the name that states and databases of this input are stamped with."""
        source = self.source if isinstance(self.source, str) else self.source.name
        return "+".join([source, *sorted(self.faults)])

    def tape(self) -> Tape:
        """Return the tape; faults are checked against its markets.

        Raises:
            LocalExchangeError: an unknown scenario or fault, or a recording that cannot be played.
        """
        if isinstance(self.source, str):
            tape: Tape = load_scenario(self.source)
        else:
            source = self.source
            tape = load_recording(
                source.folder, name=source.name, started_ms=source.at_ms, spread=source.spread
            )
        parse_faults(self.faults, tape.listings)
        return tape

    def words(self) -> list[str]:
        """Return the options that name this input on the exchange's command line."""
        if isinstance(self.source, str):
            words = ["--scenario", self.source]
        else:
            words = ["--recording", str(self.source.folder), "--at", iso(self.source.at_ms)]
            words += ["--spread", str(self.source.spread)]
        return [*words, *(word for fault in self.faults for word in ("--fault", fault))]
