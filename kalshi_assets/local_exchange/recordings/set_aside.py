"""Frames that cannot be used: counted and set aside, as long as they are few."""

from dataclasses import dataclass, field
from pathlib import Path

from kalshi_assets.local_exchange.errors import RecordingError

MOST_PERCENT = 5


@dataclass(frozen=True, slots=True)
class SetAside:
    """A frame that could not be used, and why."""

    file: Path
    number: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} line {self.number}: {self.reason}"


@dataclass(slots=True)
class Tally:
    """What became of the frames of a folder.

    Attributes:
        used: frames that were folded, or told nothing new.
        set_aside: whole frames that are wrong, in the order found.
        torn: lines that were not written to their end.
        late: frames that came too late for their place.
        twice: frames that came again.
    """

    used: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    torn: int = 0
    late: int = 0
    twice: int = 0

    def check(self, folder: Path) -> None:
        """Refuse a folder of which more than a few frames are wrong.

        Raises:
            RecordingError: naming the first of them.
        """
        wrong = len(self.set_aside)
        total = self.used + wrong
        if wrong * 100 > total * MOST_PERCENT:
            raise RecordingError(
                f"{folder}: {wrong} of {total} frames cannot be used, more than {MOST_PERCENT} %;"
                f" the first is {self.set_aside[0]}; correct them, or take them out"
            )

    def summary(self, folder: Path) -> str | None:
        """Return one line on what was not folded, None if nothing is to be told."""
        counts = {
            "set aside": len(self.set_aside),
            "torn": self.torn,
            "too late": self.late,
            "there twice": self.twice,
        }
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        if not told:
            return None
        first = f"; first set aside: {self.set_aside[0]}" if self.set_aside else ""
        return f"{folder}: frames not folded: {told}; {self.used} were{first}"
