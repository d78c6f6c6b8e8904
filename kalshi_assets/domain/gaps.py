"""Gaps in number: named, and joined where they would become too many. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from kalshi_assets.domain.stream import Channel, Gap

GapKey = tuple[Channel, tuple[str, ...], datetime]


def key_of(gap: Gap) -> GapKey:
    """Return what a gap is known by, open or closed."""
    return gap.channel, gap.market_tickers, gap.from_at


def joined(gaps: Iterable[Gap]) -> dict[GapKey, Gap]:
    """Return the open gaps as they are, and of each market's closed ones one that spans them."""
    kept: dict[GapKey, Gap] = {}
    spans: dict[tuple[Channel, tuple[str, ...]], Gap] = {}
    for gap in gaps:
        if gap.to_at is None:
            kept[key_of(gap)] = gap
            continue
        whose = (gap.channel, gap.market_tickers)
        other = spans.get(whose)
        if other is None or other.to_at is None:
            spans[whose] = gap
        else:
            start, end = min(other.from_at, gap.from_at), max(other.to_at, gap.to_at)
            spans[whose] = replace(gap, from_at=start, to_at=end)
    return {key_of(gap): gap for gap in spans.values()} | kept
