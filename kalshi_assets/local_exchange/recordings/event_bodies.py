"""What `GET /events/{ticker}` said of recorded markets, kept under `metadata/`, if it is there.

A market without a body is described as far as its frames show it: its grid by the prices in them,
its life from the first frame to a week after the last, its result unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings.contracts import (
    RESULTS,
    bare_listing,
    series_of,
    series_ticker,
)
from kalshi_assets.local_exchange.recordings.frames import RecordedFrames
from kalshi_assets.local_exchange.tape import Listing, PriceRange, Series
from kalshi_assets.local_exchange.units import DAY_MS, ONE_DOLLAR, iso, parse_price, to_ms

OPEN_ON_MS = 7 * DAY_MS
# A book told anew later than this after the close does not tell when it was emptied.
EMPTIED_WITHIN_MS = 60_000
"""How long a market of unknown close stays open after its last frame."""
_GRIDS = {100: "linear_cent", 10: "deci_cent", 1: "banded_centi_cent"}

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Range(msgspec.Struct):
    start: str
    end: str
    step: str


class _Source(msgspec.Struct):
    name: str
    url: str


class _Market(msgspec.Struct):
    ticker: str
    event_ticker: str
    yes_sub_title: str
    created_time: _Moment
    open_time: _Moment
    close_time: _Moment
    result: Literal["yes", "no", ""]
    price_level_structure: str
    price_ranges: list[_Range]
    rules_primary: str
    rules_secondary: str
    title: str = ""
    floor_strike: float | None = None
    expiration_value: str = ""
    settlement_ts: _Moment | None = None
    expected_expiration_time: _Moment | None = None


class _Event(msgspec.Struct):
    event_ticker: str
    series_ticker: str
    category: str = "Economics"
    title: str = ""
    settlement_sources: list[_Source] | None = None
    markets: list[_Market] | None = None


class _Body(msgspec.Struct):
    event: _Event
    markets: list[_Market] | None = None


class _Kept(msgspec.Struct):
    response: _Body


@dataclass(frozen=True, slots=True)
class Described:
    """A market and its series as a body describes them."""

    listing: Listing
    series: Series


def read_bodies(folder: Path) -> dict[str, Described]:
    """Read the event bodies under `metadata/`, by market ticker.

    A file holds the body itself, or the body as `response`.

    Raises:
        RecordingError: naming the file and the field that cannot be used.
    """
    found = {}
    for file in sorted(folder.glob("metadata/*.json")):
        body = _read(file)
        for market in body.markets or body.event.markets or ():
            found[market.ticker] = Described(
                _listing(file, body.event, market), _series(body.event)
            )
    return found


def described(frames: RecordedFrames, bodies: dict[str, Described]) -> Described:
    """Return what is known of a market.

    Raises:
        RecordingError: if its record begins only after its close.
    """
    if frames.ticker not in bodies:
        return _bare(frames)
    known = bodies[frames.ticker]
    if (frames.first_ms or 0) >= known.listing.close_ms:
        raise RecordingError(
            f"{frames.ticker} closed at {iso(known.listing.close_ms)}, before its first frame of"
            f" {iso(frames.first_ms or 0)}: correct its metadata, or take its frames out"
        )
    close_ms = known.listing.close_ms
    told = frames.book.told_anew
    emptied = (ms for ms in told if close_ms <= ms <= close_ms + EMPTIED_WITHIN_MS)
    return replace(known, listing=replace(known.listing, emptied_ms=next(emptied, None)))


def _read(file: Path) -> _Body:
    try:
        data = file.read_bytes()
        if "response" in msgspec.json.decode(data, type=dict[str, msgspec.Raw]):
            return msgspec.json.decode(data, type=_Kept).response
        return msgspec.json.decode(data, type=_Body)
    except (OSError, msgspec.MsgspecError) as exc:
        raise RecordingError(f"{file} is no body of GET /events/{{ticker}}: {exc}") from exc


def _listing(file: Path, event: _Event, market: _Market) -> Listing:
    close_ms = to_ms(market.close_time)
    settled = market.settlement_ts or market.expected_expiration_time
    settled_ms = close_ms if settled is None else max(to_ms(settled), close_ms)
    return Listing(
        ticker=market.ticker,
        event_ticker=market.event_ticker,
        series_ticker=event.series_ticker,
        title=market.title,
        yes_sub_title=market.yes_sub_title,
        rules_primary=market.rules_primary,
        rules_secondary=market.rules_secondary,
        floor_strike=market.floor_strike,
        price_level_structure=market.price_level_structure,
        price_ranges=tuple(_range(file, part) for part in market.price_ranges),
        created_ms=to_ms(market.created_time),
        open_ms=to_ms(market.open_time),
        close_ms=close_ms,
        determined_ms=settled_ms,
        settled_ms=settled_ms,
        result=RESULTS[market.result],
        expiration_value=market.expiration_value,
    )


def _range(file: Path, part: _Range) -> PriceRange:
    start, end, step = (parse_price(text) for text in (part.start, part.end, part.step))
    if start is None or end is None or not step:
        raise RecordingError(f"{file}: price range {part} has other than amounts in dollars")
    return PriceRange(start, end, step)


def _series(event: _Event) -> Series:
    known = replace(series_of(event.series_ticker), category=event.category)
    if not event.settlement_sources:
        return known
    source = event.settlement_sources[0]
    return replace(known, source_name=source.name, source_url=source.url)


def _bare(frames: RecordedFrames) -> Described:
    first_ms = frames.first_ms or 0
    listing = bare_listing(
        frames.ticker,
        frames.ticker,
        result=None,
        first_bar_ms=first_ms,
        settled_ms=frames.last_ms + OPEN_ON_MS,
    )
    step = _step(frames.book.prices())
    return Described(
        replace(
            listing,
            price_level_structure=_GRIDS[step],
            price_ranges=(PriceRange(0, ONE_DOLLAR, step),),
        ),
        series_of(series_ticker(frames.ticker)),
    )


def _step(prices: Iterable[int]) -> int:
    """Return the widest step of a grid that all prices lie on."""
    seen = list(prices)
    return next(step for step in _GRIDS if all(price % step == 0 for price in seen))
