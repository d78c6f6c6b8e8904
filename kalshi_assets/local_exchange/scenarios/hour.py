"""One hour of one market, drawn from its story: 180 slots of quote, and the trades between them."""

from dataclasses import dataclass
from random import Random

from kalshi_assets.local_exchange.hours import pause_start
from kalshi_assets.local_exchange.scenarios.story import Story
from kalshi_assets.local_exchange.units import HOUR_MS, ONE_DOLLAR

SLOT_MS = 20_000
SLOTS_AN_HOUR = HOUR_MS // SLOT_MS
_HALF_SLOT_MS = SLOT_MS // 2
_STARTS = range(0, HOUR_MS, SLOT_MS)
_BUSY_HOURS = range(12, 21)  # UTC: New York's morning and afternoon
_BUSY_FACTOR, _QUIET_FACTOR = 1.55, 0.67
_WAVE_MS = HOUR_MS // 2  # the noise swings from one half hour to the next …
_WAVE_SHARE = 0.75  # … with this share of its strength; the rest flickers from slot to slot
_ONE_SIDED_SLOTS = (
    30  # before a freeze all trades are buys, so that the last price stands still too
)


@dataclass(frozen=True, slots=True)
class DrawnHour:
    """The hour's slots, one list an attribute.

    Attributes:
        number: hours since the epoch.
        offsets_ms: when within its slot each quote appears.
        bids: best bid of each slot, in $0.0001.
        asks: best ask of each slot.
        contracts: contracts traded in each slot, 0 where none.
        taker_buys: whether the slot's trade lifted the ask.
        trade_offsets_ms: when within its slot the trade happens.
    """

    number: int
    offsets_ms: list[int]
    bids: list[int]
    asks: list[int]
    contracts: list[int]
    taker_buys: list[bool]
    trade_offsets_ms: list[int]

    def change_moment(self, index: int) -> int:
        """Return when a slot's quote appears."""
        return self.number * HOUR_MS + index * SLOT_MS + self.offsets_ms[index]

    def trade_moment(self, index: int) -> int:
        """Return when a slot's trade happens, always after its quote appeared."""
        return self.number * HOUR_MS + index * SLOT_MS + self.trade_offsets_ms[index]

    def trade_price(self, index: int) -> int:
        """Return the price of a slot's trade: the side of the quote its taker hit."""
        return self.asks[index] if self.taker_buys[index] else self.bids[index]

    def contracts_until(self, ms: int) -> int:
        """Return the contracts traded in this hour up to a moment."""
        index = min((ms - self.number * HOUR_MS) // SLOT_MS, SLOTS_AN_HOUR - 1)
        done = sum(self.contracts[:index])
        return done + (self.contracts[index] if self.trade_moment(index) <= ms else 0)


def slot_at(ms: int) -> int:
    """Return the slot a moment lies in, counted from the epoch."""
    return ms // SLOT_MS


def hour_contracts(story: Story, number: int, *, seed: int) -> int:
    """Return how many contracts trade in an hour."""
    start = number * HOUR_MS
    if pause_start(start) is not None:
        return 0
    is_busy = number % 24 in _BUSY_HOURS
    usual = story.contracts_an_hour * (_BUSY_FACTOR if is_busy else _QUIET_FACTOR)
    luck = 0.8 + 0.4 * _rng(seed, story, f"volume/{number}").random()
    extra = sum(pulse.contracts_in(start, start + HOUR_MS) for pulse in story.pulses)
    open_share = min(story.listing.close_ms - start, HOUR_MS) / HOUR_MS
    return int(usual * luck * max(open_share, 0.0) + extra)


def draw_hour(story: Story, number: int, *, seed: int) -> DrawnHour:
    """Draw an hour; the same arguments give the same hour."""
    rng = _rng(seed, story, f"hour/{number}")
    bids, asks = _quotes(story, number, seed, rng)
    return DrawnHour(
        number=number,
        offsets_ms=[1 + int(rng.random() * (_HALF_SLOT_MS - 1)) for _ in range(SLOTS_AN_HOUR)],
        bids=bids,
        asks=asks,
        contracts=_share_out(story, number, hour_contracts(story, number, seed=seed), rng),
        taker_buys=_taker_sides(story, number, rng),
        trade_offsets_ms=[
            _HALF_SLOT_MS + int(rng.random() * _HALF_SLOT_MS) for _ in range(SLOTS_AN_HOUR)
        ],
    )


def _quotes(story: Story, number: int, seed: int, rng: Random) -> tuple[list[int], list[int]]:
    first = number * HOUR_MS
    waves = [2 * _rng(seed, story, f"wave/{number * 2 + step}").random() - 1 for step in range(3)]
    mids, noises = story.mids_from(first, _STARTS), story.noises_from(first, _STARTS)
    least, most = story.spread_ticks
    bids, asks = [], []
    for index, start in enumerate(_STARTS):
        half, within = divmod(start, _WAVE_MS)
        wave = waves[half] + (waves[half + 1] - waves[half]) * within / _WAVE_MS
        flicker = 2 * rng.random() - 1
        stray = noises[index] * (_WAVE_SHARE * wave + (1 - _WAVE_SHARE) * flicker)
        spread = least + int(rng.random() * (most - least + 1))
        bid = int((mids[index] + stray) / story.tick - spread / 2 + 0.5)
        bid = min(max(bid, 1), ONE_DOLLAR // story.tick - 1 - spread)
        bids.append(bid * story.tick)
        asks.append((bid + spread) * story.tick)
    return bids, asks


def _taker_sides(story: Story, number: int, rng: Random) -> list[bool]:
    sides = [rng.random() < 0.5 for _ in range(SLOTS_AN_HOUR)]
    if story.frozen_from_ms is None:
        return sides
    one_sided_from = story.frozen_from_ms - _ONE_SIDED_SLOTS * SLOT_MS - number * HOUR_MS
    return [side or start >= one_sided_from for side, start in zip(sides, _STARTS, strict=True)]


def _share_out(story: Story, number: int, total: int, rng: Random) -> list[int]:
    """Spread an hour's contracts over its slots, pulses getting their larger part."""
    first = number * HOUR_MS
    closes_in = story.listing.close_ms - first
    pulls = _pulls(story, first)
    weights = []
    for pull, start in zip(pulls, _STARTS, strict=True):
        luck = pull
        for _ in range(story.clumping):
            luck *= 0.2 + rng.random()
        weights.append(luck if start < closes_in else 0.0)
    whole = sum(weights)
    shares, done, reached = [], 0, 0.0
    for weight in weights:
        reached += weight
        upto = int(total * reached / whole + 0.5) if whole else 0
        shares.append(upto - done)
        done = upto
    return shares


def _pulls(story: Story, first: int) -> list[float]:
    """Return how strongly each slot attracts trading, 1 outside of pulses."""
    pulses = [p for p in story.pulses if p.contracts_in(first, first + HOUR_MS)]
    if not pulses:
        return [1.0] * SLOTS_AN_HOUR
    scale = SLOTS_AN_HOUR / story.contracts_an_hour
    return [
        1.0 + sum(p.contracts_in(first + at, first + at + SLOT_MS) for p in pulses) * scale
        for at in _STARTS
    ]


def _rng(seed: int, story: Story, name: str) -> Random:
    return Random(f"{seed}/{story.listing.ticker}/{name}")  # noqa: S311 - a story, no secret
