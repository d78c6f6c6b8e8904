"""How prices of the `history` scenario move: calm, and from time to time a shock.

A shock takes a price 13 to 22 cents away within two minutes of a New York working day. What follows
is drawn: most fade within hours or days, some stay, some go on in their direction. A market that
closes before its figure is published ends at the odds its last price states; one whose price can be
watched glides to its end in the last hours.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from kalshi_assets.local_exchange.hours import NEW_YORK
from kalshi_assets.local_exchange.scenarios.story import Knot, Pulse
from kalshi_assets.local_exchange.tape import Result
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS, ONE_DOLLAR, to_ms

_CENT = 100
_LOWEST, _HIGHEST = 6 * _CENT, 94 * _CENT
_MINUTE_MS = HOUR_MS // 60
# A price needs some days before its average means anything.
_FIRST_SHOCK_MS, _MEAN_CALM_MS = 4 * DAY_MS, 5 * DAY_MS
_LAST_SHOCK_MS = 14 * HOUR_MS
_GLIDE_MS = 3 * HOUR_MS
_AFTERMATHS: tuple["Aftermath", ...] = ("fades", "stays", "goes on")
_WEIGHTS = (38, 24, 38)

Aftermath = Literal["fades", "stays", "goes on"]


@dataclass(frozen=True)
class Course:
    """What is drawn of a market.

    Attributes:
        shocks_ms: when the price jumped.
        result: who wins.
    """

    mid: tuple[Knot, ...]
    noise: tuple[Knot, ...]
    shocks_ms: tuple[int, ...]
    result: Result

    def pulses(self, contracts_an_hour: int) -> tuple[Pulse, ...]:
        """Return the trading around the shocks: as much in an hour as else in ten."""
        return tuple(
            Pulse(ms - _MINUTE_MS // 2, ms + HOUR_MS, 10 * contracts_an_hour)
            for ms in self.shocks_ms
        )


class _Path:
    """A course in the making: each move begins where the last one ended."""

    def __init__(self, rng: Random, opened_ms: int) -> None:
        self.rng = rng
        self.knots = [Knot(opened_ms, rng.randint(32, 68) * _CENT)]
        self.shocks: list[int] = []

    @property
    def level(self) -> int:
        return self.knots[-1].value

    def hold_until(self, ms: int) -> None:
        if ms > self.knots[-1].ms:
            self.knots.append(Knot(ms, self.level))

    def move(self, ms: int, value: float) -> None:
        kept = min(max(round(value), _LOWEST), _HIGHEST)
        self.knots.append(Knot(max(ms, self.knots[-1].ms + 1), kept))

    def shock(self, ms: int, size: int) -> None:
        self.hold_until(ms)
        self.shocks.append(ms)
        self.move(ms + 2 * _MINUTE_MS, self.level + size)


def draw_course(rng: Random, opened_ms: int, closed_ms: int, *, is_gliding: bool) -> Course:
    """Draw a market from its opening to its close."""
    path = _Path(rng, opened_ms)
    last_ms = closed_ms - _LAST_SHOCK_MS
    at = _working_hour(rng, opened_ms + _FIRST_SHOCK_MS + round(rng.expovariate(1 / DAY_MS)))
    while at < last_ms:
        base = path.level
        size = rng.randint(13, 22) * _CENT * _direction(rng, base)
        path.shock(at, size)
        [kind] = rng.choices(_AFTERMATHS, _WEIGHTS)
        _follow(path, kind, base=base, size=size)
        calm = round(rng.expovariate(1 / _MEAN_CALM_MS)) + DAY_MS
        at = _working_hour(rng, path.knots[-1].ms + calm)
    return _ended(path, closed_ms, is_gliding=is_gliding)


def scalar_course(rng: Random, opened_ms: int, closed_ms: int) -> Course:
    """Draw a market that jumps two days before its close and stays there."""
    path = _Path(rng, opened_ms)
    path.shock(closed_ms - 2 * DAY_MS + 2 * HOUR_MS, 17 * _CENT * _direction(rng, path.level))
    return _ended(path, closed_ms, is_gliding=False)


def _follow(path: _Path, kind: Aftermath, *, base: int, size: int) -> None:
    """Let the price go on after a shock."""
    rng, jumped = path.rng, path.level
    path.hold_until(path.knots[-1].ms + round(rng.uniform(2, 20) * HOUR_MS))
    if kind == "fades":
        end = base + size * rng.uniform(-0.1, 0.2)
        path.move(path.knots[-1].ms + round(rng.uniform(4, 60) * HOUR_MS), end)
    elif kind == "stays":
        path.move(path.knots[-1].ms + DAY_MS, jumped - size * rng.uniform(0, 0.15))
    else:
        further = jumped + size * rng.uniform(0.5, 0.9)
        path.move(path.knots[-1].ms + round(rng.uniform(1, 8) * HOUR_MS), further)


def _ended(path: _Path, closed_ms: int, *, is_gliding: bool) -> Course:
    """Cut a course at the close, and draw who wins by the odds of the price then."""
    knots = _cut(path.knots, closed_ms - _GLIDE_MS)
    odds = knots[-1].value / ONE_DOLLAR
    result: Result = "yes" if path.rng.random() < odds else "no"
    if is_gliding:
        knots.append(Knot(closed_ms, _HIGHEST if result == "yes" else _LOWEST))
    calm, stray = knots[0].ms, path.rng.randint(60, 130)
    return Course(tuple(knots), (Knot(calm, stray),), tuple(path.shocks), result)


def _cut(knots: list[Knot], at_ms: int) -> list[Knot]:
    """Return a course up to a moment, with its value there."""
    kept = [knot for knot in knots if knot.ms < at_ms]
    later = next((knot for knot in knots if knot.ms >= at_ms), None)
    value = kept[-1].value
    if later is not None:
        share = (at_ms - kept[-1].ms) / (later.ms - kept[-1].ms)
        value = round(value + share * (later.value - value))
    return [*kept, Knot(at_ms, value)]


def _direction(rng: Random, level: int) -> int:
    """Return where a shock goes: rather to the middle, and never out of reach."""
    if level < 30 * _CENT:
        return 1
    if level > 70 * _CENT:
        return -1
    return rng.choice((1, -1))


def _working_hour(rng: Random, ms: int) -> int:
    """Return a moment of the next New York working day's business hours."""
    local = datetime.fromtimestamp(ms // 1000, UTC).astimezone(NEW_YORK)
    day = local.date() + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    at = datetime(day.year, day.month, day.day, 8, 40, tzinfo=NEW_YORK)
    return to_ms(at + timedelta(minutes=rng.randint(0, 430)))
