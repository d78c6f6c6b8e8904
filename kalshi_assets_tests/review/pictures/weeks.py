"""Weeks with prices, to draw and to look at: rich, empty, of losses only.

    python -m kalshi_assets_tests.review.pictures.weeks FOLDER

writes each as HTML and Markdown, for a browser and for eyes.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.review.page import to_html, to_markdown_with
from kalshi_assets.review.pictures import WeekPictures, draw_week
from kalshi_assets.review.weekly import (
    EquityPoint,
    RefusedDecision,
    Stretch,
    Transfer,
    WeekInputs,
    WeeklyReview,
    weekly_review,
)
from kalshi_assets_tests.review.weekly.week_bench import (
    DAY,
    HOUR,
    MONDAY,
    WEEK,
    by_hand,
    eventful,
    refused,
    still_open,
    trip,
    week_of,
)

CENT = 10_000
MARKETS = (
    "KXCPI-26OCT-T0.3",
    "KXFED-26OCT-T4.00",
    "KXPAYROLLS-26SEP-T150000",
    "KXGDP-26Q3-T2.5",
    "KXHIGHNY-26OCT14-B64.5",
    "KXU3-26OCT-T4.3",
    "KXGASMONTHLY-26OCT-3.10",
    "KXVERYLONGSERIESNAMEOFAMARKET-26OCT14-T1234567",
)
GATES = ("spread", "stale", "hours", "exposure", "depth", "daily_loss")


@dataclass(frozen=True)
class Made:
    """A week and all that its forms are made of."""

    inputs: WeekInputs
    review: WeeklyReview
    courses: Mapping[str, pd.DataFrame]

    @property
    def pictures(self) -> WeekPictures:
        """Return the pictures, drawn now."""
        return draw_week(self.inputs, self.review, self.courses)


def made(inputs: WeekInputs, courses: Mapping[str, pd.DataFrame]) -> Made:
    """Return a week with its review."""
    return Made(inputs, weekly_review(inputs), courses)


def empty() -> Made:
    """Return a week of which nothing is known."""
    return made(week_of(), {})


def losses() -> Made:
    """Return a week of seven losses in one market, halted since Friday."""
    lost = [
        trip(f"S{n}", end="0", opened_at=MONDAY + n * 9 * HOUR, closed_at=MONDAY + n * 11 * HOUR)
        for n in range(1, 8)
    ]
    inputs = week_of(
        trips=lost,
        equity=equity_of(lost, opening=1_000_000_000),
        halts=[Stretch(WEEK.end - 40 * HOUR, None, "daily_loss")],
        refused=[refused(f"R{n}", "daily_loss", yes_result_micros=1_000_000) for n in range(3)],
    )
    return made(inputs, {lost[0].market_ticker: course(lost[0].market_ticker)})


def rich() -> Made:
    """Return a week of thirty trips in eight markets, with halts, refusals and overrides."""
    trips = rich_trips()
    halts = [
        Stretch(MONDAY + 30 * HOUR, MONDAY + 39 * HOUR, "breaker"),
        Stretch(MONDAY + 36 * HOUR, MONDAY + 41 * HOUR, "by hand"),
        Stretch(MONDAY + 90 * HOUR, MONDAY + 92 * HOUR, "stale_data"),
    ]
    more: dict[str, Any] = {
        "trips": trips,
        "equity": equity_of(trips, opening=2_500_000_000, paid_in_at=MONDAY + 2 * DAY),
        "transfers": [Transfer(MONDAY + 2 * DAY, 500_000_000)],
        "halts": halts,
        "refused": rich_refusals(),
        "categories": dict.fromkeys(MARKETS[:4], "Economics"),
    }
    return made(replace(eventful(), **more), {ticker: course(ticker) for ticker in MARKETS})


def rich_trips() -> list[RoundTrip]:
    """Return thirty closed trips, of which three by hand, and two that are open."""
    rng = np.random.default_rng(11)
    trips = []
    for n in range(30):
        ticker = MARKETS[int(rng.integers(0, len(MARKETS)))]
        opened = WEEK.begin + timedelta(hours=float(rng.uniform(16, 120)))
        closed = opened + timedelta(hours=float(rng.uniform(3, 40)))
        side = "no" if rng.random() < 0.7 else "yes"
        paid, sold = (cents_at(ticker, moment, side) for moment in (opened, closed))
        end = int(rng.choice([100, 0, sold])) if closed - opened > DAY else sold
        changes: dict[str, Any] = {
            "paid": f"{paid / 100:.2f}",
            "end": f"{end / 100:.2f}",
            "count": str(rng.integers(20, 120)),
            "market_ticker": ticker,
            "side": side,
            "opened_at": opened,
            "closed_at": closed,
        }
        decided = {
            "mid_micros": (paid - 1) * CENT,
            "mean_micros": (paid - 1 + int(rng.integers(12, 27))) * CENT,
        }
        trips.append(
            by_hand(f"H{n}", **changes) if n % 10 == 9 else trip(f"S{n}", **changes | decided)
        )
    held = still_open("open", market_ticker=MARKETS[0], opened_at=MONDAY + 100 * HOUR)
    return [*trips, held, still_open("other", market_ticker=MARKETS[2])]


def cents_at(ticker: str, moment: datetime, side: str) -> int:
    """Return what a contract of a side costs at a moment, cents."""
    prices = course(ticker)
    mid = float(prices["mid"].ffill()[prices["at"] <= moment].iloc[-1]) / CENT
    return round(mid if side == "yes" else 100 - mid) + 1


def rich_refusals() -> list[RefusedDecision]:
    """Return refusals by six gates, some of several at once and some that have no price."""
    rng = np.random.default_rng(3)
    found = []
    for n in range(46):
        gates = rng.choice(GATES, size=2 if n % 9 == 0 else 1, p=[0.4, 0.25, 0.15, 0.1, 0.07, 0.03])
        result = None if n % 11 == 0 else int(rng.choice([0, 1_000_000]))
        found.append(refused(f"R{n}", *map(str, gates), yes_result_micros=result))
    return [*found, refused("R99", "price_moved", yes_result_micros=None)]


def equity_of(
    trips: Sequence[RoundTrip], *, opening: int, paid_in_at: datetime | None = None
) -> list[EquityPoint]:
    """Return the account's value every hour: what was made so far, and what was paid in."""
    points = []
    for n in range(-1, 168):
        at = WEEK.begin + n * HOUR
        made_so_far = sum(
            trip.realized_micros for trip in trips if trip.closed_at and trip.closed_at <= at
        )
        paid_in = 500_000_000 if paid_in_at is not None and at >= paid_in_at else 0
        value = opening + made_so_far + paid_in
        points.append(EquityPoint(at, None if n == 60 else value, value * 9 // 10))
    return points


def course(ticker: str) -> pd.DataFrame:
    """Return prices every 42 minutes, with a gap of nine hours; the average begins late."""
    rng = np.random.default_rng(len(ticker))
    at = [WEEK.begin + n * timedelta(minutes=42) for n in range(240)]
    mid = 60 + np.cumsum(rng.normal(0, 0.9, 240)).round()
    mid = np.clip(mid, 3, 97) * CENT
    mid[100:113] = np.nan
    mean = pd.Series(mid).rolling(90, min_periods=12).mean()
    mean[100:113] = np.nan
    return pd.DataFrame({"at": at, "mid": mid, "mean": mean})


def main(folder: Path) -> None:
    """Write all weeks."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, week in (("rich", rich()), ("empty", empty()), ("losses", losses())):
        pictures = week.pictures
        (folder / f"{name}.html").write_text(to_html(week.review, pictures), "utf-8")
        (folder / f"{name}.md").write_text(to_markdown_with(week.review, pictures), "utf-8")
        for kind in ("equity", "courses", "deviations", "refusals"):
            picture = getattr(pictures, kind)
            if picture is not None:
                (folder / f"{name}-{kind}.png").write_bytes(picture.png)
                (folder / f"{name}-{kind}-narrow.png").write_bytes(picture.narrow)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
