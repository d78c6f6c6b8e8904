"""Which markets are tracked, and what has changed since they were last looked at."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kalshi_assets.domain.market import MarketSnapshot
from kalshi_assets.domain.price import CENTICONTRACTS

FINAL = "finalized"
# What is quoted now, or will be again.
QUOTED = ("active", "inactive")
# How a market's status reads as something that happened.
HAPPENED = {
    "active": "opened",
    "inactive": "paused",
    "closed": "closed",
    "determined": "determined",
    "disputed": "disputed",
    "amended": "amended",
    FINAL: "settled",
}


@dataclass(frozen=True)
class UniverseRules:
    """What decides which markets are tracked.

    Attributes:
        include: tracked while they are active, however little they trade.
        exclude: never tracked, but while something of ours is in them.
        min_volume: traded in 24 hours, centicontracts; markets with less are not tracked.
        most: how many are tracked; held and included ones take their places first.
    """

    include: Collection[str]
    exclude: Collection[str]
    min_volume: int
    most: int


@dataclass(frozen=True)
class KnownMarket:
    """A market as it stood when it was last looked at."""

    status: str
    is_tracked: bool
    series_ticker: str


@dataclass(frozen=True)
class UniverseChange:
    """Something that happened to a market: in one word, and why or to what."""

    market_ticker: str
    change: str
    why: str


def tracked_of(
    snapshots: Sequence[MarketSnapshot], rules: UniverseRules, *, held: Collection[str]
) -> dict[str, str]:
    """Return the markets to track, each with the reason: held, included, then the most traded.

    A market in which we hold something, or have a live order, is tracked for as long as it is
    quoted, whatever the settings say: what is held must have a price.
    """
    chosen = {
        s.market.ticker: "something of ours is in it"
        for s in snapshots
        if s.market.ticker in held and s.quote.status in QUOTED
    }
    allowed = [
        s
        for s in sorted(snapshots, key=lambda s: (-s.quote.volume_24h, s.market.ticker))
        if s.quote.status == "active" and s.market.ticker not in rules.exclude
    ]
    for snapshot in allowed:
        if snapshot.market.ticker in rules.include:
            chosen.setdefault(snapshot.market.ticker, "named in KALSHI_INCLUDE_MARKETS")
    for snapshot in allowed:
        if len(chosen) >= rules.most or snapshot.quote.volume_24h < rules.min_volume:
            break
        chosen.setdefault(snapshot.market.ticker, f"{_volume(snapshot)} is among the most")
    return chosen


def changes_of(
    known: Mapping[str, KnownMarket],
    snapshots: Sequence[MarketSnapshot],
    *,
    tracked: Mapping[str, str],
    rules: UniverseRules,
) -> list[UniverseChange]:
    """Return what is otherwise than it was known, in the order of the markets' tickers."""
    series = {market.series_ticker for market in known.values()}
    found: list[UniverseChange] = []
    for snapshot in sorted(snapshots, key=lambda s: s.market.ticker):
        market, before = snapshot.market, known.get(snapshot.market.ticker)
        if before is None and market.series_ticker in series:
            why = f"new contract of the series {market.series_ticker}"
            found.append(UniverseChange(market.ticker, "listed", why))
        if before is not None and before.status != market.status:
            word = HAPPENED.get(market.status, market.status)
            found.append(UniverseChange(market.ticker, word, _fate(snapshot, before)))
        if market.ticker in tracked and (before is None or not before.is_tracked):
            found.append(UniverseChange(market.ticker, "tracked", tracked[market.ticker]))
        if market.ticker not in tracked and before is not None and before.is_tracked:
            found.append(UniverseChange(market.ticker, "untracked", _left_out(snapshot, rules)))
    return found + _gone(known, snapshots, tracked)


def _gone(
    known: Mapping[str, KnownMarket],
    snapshots: Sequence[MarketSnapshot],
    tracked: Mapping[str, str],
) -> list[UniverseChange]:
    there = {snapshot.market.ticker for snapshot in snapshots}
    return [
        UniverseChange(ticker, "untracked", "the exchange does not list it any more")
        for ticker, market in sorted(known.items())
        if market.is_tracked and ticker not in there and ticker not in tracked
    ]


def _fate(snapshot: MarketSnapshot, before: KnownMarket) -> str:
    result = f", result {snapshot.market.result}" if snapshot.market.result else ""
    return f"was {before.status}{result}"


def _left_out(snapshot: MarketSnapshot, rules: UniverseRules) -> str:
    if snapshot.market.ticker in rules.exclude:
        return "named in KALSHI_EXCLUDE_MARKETS"
    if snapshot.quote.status != "active":
        return f"it is {snapshot.quote.status}"
    return f"{_volume(snapshot)} is no longer enough"


def _volume(snapshot: MarketSnapshot) -> str:
    return f"volume of {snapshot.quote.volume_24h / CENTICONTRACTS:,.0f} contracts in 24 hours"
