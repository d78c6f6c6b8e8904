"""How a result is measured and printed."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Result:
    """Seconds of ours and of the baseline, for the same work: the median, and the best of ours."""

    name: str
    ours: float
    baseline: float
    best: float | None = None

    def __str__(self) -> str:
        ratio = self.baseline / self.ours
        line = f"{self.name:<44}{_ms(self.ours):>12}{_ms(self.baseline):>12}{ratio:>7.1f}x"
        return line if self.best is None else f"{line}   best {_ms(self.best)}"


@dataclass(frozen=True)
class Figure:
    """Something else than seconds, as it is to be shown."""

    name: str
    ours: str
    baseline: str
    ratio: str = ""

    def __str__(self) -> str:
        return f"{self.name:<44}{self.ours:>12}{self.baseline:>12}{self.ratio:>8}"


def speed_of_machine() -> Figure:
    """Return what a loop of ten million additions takes here: by it, two days can be compared."""

    def count() -> None:
        total = 0
        for number in range(10_000_000):
            total += number

    took = sorted(once(count) for _ in range(3))
    return Figure("this machine, ten million additions", f"{took[0]:.2f} s", f"{took[-1]:.2f} s")


def seconds(work: Callable[[], object], *, times: int = 5) -> float:
    """Return the median of several runs, after one to warm up."""
    work()
    return median(once(work) for _ in range(times))


def once(work: Callable[[], object]) -> float:
    """Return the seconds of one run."""
    start = perf_counter()
    work()
    return perf_counter() - start


def _ms(value: float) -> str:
    return f"{value * 1000:.1f} ms"
