"""Is the mean result different from zero? Asked of resamples of the trades themselves.

Trades of a day hang together (one release of figures moves all of them), so whole days are drawn.
Where there are fewer than five days, single trades are, and the answer says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kalshi_assets.review.statistics.figure import Figure, Interval, usd
from kalshi_assets.review.statistics.trades import NO_TRADE

LEAST_BLOCKS = 5
RESAMPLES = 10_000
SEED = 20_261_001  # any number, as long as it stays: a review made again has the same figures
DRAWS_AT_ONCE = 1_000_000
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Bootstrap:
    """What resamples say of the mean result of a trade. Money in micros.

    Attributes:
        mean: of the trades themselves, exact.
        interval: between which 95 % of the resamples' means lie.
        share_not_above_zero: of the resamples whose mean is 0 or below.
        resampled_by: what was drawn: whole days or single trades.
    """

    mean: Fraction
    interval: Interval
    share_not_above_zero: Fraction
    resampled_by: Literal["day", "trade"]
    day_count: int
    trade_count: int
    resample_count: int

    @property
    def is_different_from_zero(self) -> bool:
        """Tell whether zero lies outside the interval."""
        return self.interval.low > 0 or self.interval.high < 0

    @property
    def answer(self) -> str:
        """Return the answer to "is the result different from zero?" as a sentence."""
        verdict = "It cannot be told from zero"
        if self.is_different_from_zero:
            verdict = "Yes, above zero" if self.interval.low > 0 else "Yes, below zero"
        drawn = f"{self.day_count} days" if self.resampled_by == "day" else "single trades"
        said = (
            f"{verdict}: the mean result of {self.trade_count} trades is {usd(self.mean)}; of "
            f"{self.resample_count:,} resamples of {drawn}, 95 % lie between "
            f"{usd(self.interval.low)} and {usd(self.interval.high)}, and "
            f"{100 * float(self.share_not_above_zero):.1f} % are not above zero."
        )
        return said if self.resampled_by == "day" else f"{said} {_warning(self.day_count)}"


def bootstrap_mean(
    trades: Sequence[tuple[date, int]], *, seed: int = SEED, resamples: int = RESAMPLES
) -> Figure[Bootstrap]:
    """Return what resampling says of the mean result; the order of the trades does not matter.

    Args:
        trades: the New York day on which a trade was closed, and its result, micros after fees.
        seed: the same seed gives the same figures.
        resamples: how many are drawn.
    """
    days = len({day for day, _ in trades})
    if not trades:
        return Figure(None, NO_TRADE)
    if len(trades) < LEAST_BLOCKS:
        return Figure(None, f"fewer than {LEAST_BLOCKS} trades are too few to resample")
    resampled_by: Literal["day", "trade"] = "day" if days >= LEAST_BLOCKS else "trade"
    blocks = _days(trades) if resampled_by == "day" else [[result] for _, result in sorted(trades)]
    sums, counts = _resample(blocks, seed=seed, resamples=resamples)
    means = sums / counts
    if means.min() == means.max():
        return Figure(None, "every resample has the same mean: resampling tells nothing")
    low, high = np.quantile(means, (0.025, 0.975))
    return Figure(
        Bootstrap(
            mean=Fraction(sum(result for _, result in trades), len(trades)),
            interval=Interval(float(low), float(high)),
            share_not_above_zero=Fraction(int((sums <= 0).sum()), resamples),
            resampled_by=resampled_by,
            day_count=days,
            trade_count=len(trades),
            resample_count=resamples,
        )
    )


def _days(trades: Sequence[tuple[date, int]]) -> list[list[int]]:
    ordered = sorted(trades)
    return [[result for _, result in day] for _, day in groupby(ordered, key=lambda t: t[0])]


def _resample(
    blocks: Sequence[Sequence[int]], *, seed: int, resamples: int
) -> tuple[Integers, Integers]:
    """Return, of each resample, the sum of its results and how many trades it has."""
    sums = np.array([sum(block) for block in blocks], dtype=np.int64)
    counts = np.array([len(block) for block in blocks], dtype=np.int64)
    # numpy keeps what this generator draws for ever (NEP 19); the newer ones may change.
    rng = np.random.RandomState(seed)
    at_once = max(1, DRAWS_AT_ONCE // len(blocks))
    drawn_sums: list[Integers] = []
    drawn_counts: list[Integers] = []
    for start in range(0, resamples, at_once):
        size = (min(at_once, resamples - start), len(blocks))
        drawn = rng.randint(0, len(blocks), size=size, dtype=np.int64)
        drawn_sums.append(sums[drawn].sum(axis=1))
        drawn_counts.append(counts[drawn].sum(axis=1))
    return np.concatenate(drawn_sums), np.concatenate(drawn_counts)


def _warning(day_count: int) -> str:
    days = "a single day" if day_count == 1 else f"{day_count} days only"
    return (
        f"The trades are of {days} and those of a day hang together: "
        "the interval is narrower than it should be."
    )
