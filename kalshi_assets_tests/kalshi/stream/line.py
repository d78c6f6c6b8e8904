"""A line that loses, repeats, reorders and garbles frames, by seed."""

import random
from dataclasses import dataclass, field


@dataclass
class FaultyLine:
    rng: random.Random
    rates: dict[str, float]
    held: list[tuple[int, bytes]] = field(default_factory=list)
    step: int = 0
    faults: int = 0

    def carry(self, frames: list[bytes]) -> list[bytes]:
        """Return what comes out now, some of it from before."""
        self.step += 1
        out = []
        for frame in frames:
            out += self._one(frame)
        due = [frame for at, frame in self.held if at <= self.step]
        self.held = [(at, frame) for at, frame in self.held if at > self.step]
        return out + due

    def passes(self) -> bool:
        """Tell whether a command gets through."""
        if self.rng.random() < self.rates.get("drop", 0):
            self.faults += 1
            return False
        return True

    def heal(self) -> None:
        """Have no more faults; what is held comes out with the next frames."""
        self.rates = {}
        self.held = [(0, frame) for _, frame in self.held]

    def cut(self) -> None:
        """Lose what is on its way."""
        self.held = []

    def _one(self, frame: bytes) -> list[bytes]:
        roll = self.rng.random()
        for fault in ("drop", "repeat", "delay", "garble"):
            rate = self.rates.get(fault, 0.0)
            if roll < rate:
                self.faults += 1
                return [*getattr(self, f"_{fault}")(frame)]
            roll -= rate
        return [frame]

    def _drop(self, frame: bytes) -> list[bytes]:
        return []

    def _repeat(self, frame: bytes) -> list[bytes]:
        if self.rng.random() < 0.5:
            self.held.append((self.step + self.rng.randint(1, 5), frame))
            return [frame]
        return [frame, frame]

    def _delay(self, frame: bytes) -> list[bytes]:
        self.held.append((self.step + self.rng.randint(1, 4), frame))
        return []

    def _garble(self, frame: bytes) -> list[bytes]:
        ways = [
            frame[: len(frame) // 2],
            frame.replace(b'"market_ticker"', b'"ticker_of_market"'),
            frame.replace(b'"delta_fp":"', b'"delta_fp":1,"was":"'),
            frame.replace(b'"seq":', b'"sequence":'),
            frame.replace(b"orderbook_delta", b"orderbook_change"),
        ]
        return [self.rng.choice(ways)]
