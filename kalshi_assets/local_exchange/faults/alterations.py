"""What each fault makes of one market's payload, and of one candle.

Faults compose: each gets what the one before left. A field that one of them took away or mistyped
stays so, whatever comes after.
"""

from kalshi_assets.local_exchange.faults.past import SIZES, RememberedMarket, Snapshot, View
from kalshi_assets.local_exchange.tape import Listing
from kalshi_assets.local_exchange.units import (
    BALANCE_STEP_MICROS,
    DOLLAR_MICROS,
    ONE_CONTRACT,
    ONE_DOLLAR,
    count_text,
    micros_text,
    parse_count,
    price_text,
)

CROSSED_BY = 200
"""Two cents."""
PRICE_MICROS = BALANCE_STEP_MICROS
"""A price counts in the same $0.0001."""

_BID = "yes_bid_dollars"
_PRICES = (_BID, "yes_ask_dollars", "no_bid_dollars", "no_ask_dollars")
_QUOTE = (*_PRICES, *SIZES)
_COUNTERS = ("last_price_dollars", "volume_fp", "volume_24h_fp", "open_interest_fp")
_COUNTED = ("volume_fp", "volume_24h_fp", "open_interest_fp")
_BAR = ("open_dollars", "low_dollars", "high_dollars", "close_dollars")


def frozen_feed(view: View, market: RememberedMarket) -> list[View]:
    """Show the quote of before; counters and `updated_time` move on."""
    return [_with(view, _of(market.frozen, _QUOTE))]


def stale_feed(view: View, market: RememberedMarket) -> list[View]:
    """Show all that trading changes as it was before, and when that was."""
    return [_with(view, _of(market.stale, ("updated_time", *_QUOTE, *_COUNTERS)))]


def contract_roll(view: View, market: RememberedMarket) -> list[View]:
    """Count from then on, as where a ticker has come to name another contract."""
    then = market.stale.view
    counted = {name: max(_count(view[name]) - _count(then[name]), 0) for name in _COUNTED}
    return [_with(view, {name: count_text(count) for name, count in counted.items()})]


def crossed_book(view: View, market: RememberedMarket) -> list[View]:
    """Put the bid above the ask; an ask too near to a dollar makes room for it."""
    is_on_grid = market.listing.is_on_grid
    highest = next(filter(is_on_grid, range(ONE_DOLLAR - 1, 0, -1)))
    highest_ask = next(filter(is_on_grid, range(highest - CROSSED_BY, 0, -1)))
    ask = min(-(-_micros(view["yes_ask_dollars"]) // PRICE_MICROS), highest_ask)
    # The grid may be coarser up there than around the ask.
    bid = next(filter(is_on_grid, range(ask + CROSSED_BY, ONE_DOLLAR)))
    sizes = {size: count_text(ONE_CONTRACT) for size in SIZES if view[size] == count_text(0)}
    return [_with(view, _quoted(bid * PRICE_MICROS, ask * PRICE_MICROS) | sizes)]


def missing_market(view: View, market: RememberedMarket) -> list[View]:
    """Leave the market out."""
    return []


def missing_field(view: View, market: RememberedMarket) -> list[View]:
    """Leave the bid out."""
    return [{name: value for name, value in view.items() if name != _BID}]


def wrong_type(view: View, market: RememberedMarket) -> list[View]:
    """Make the bid a number, as an API does that is not careful with money."""
    return [{name: float(value) if name == _BID else value for name, value in view.items()}]


def duplicate_ticks(view: View, market: RememberedMarket) -> list[View]:
    """Show the market twice."""
    return [view, view]


def off_grid(view: View, market: RememberedMarket) -> list[View]:
    """Move bid and ask half a tick down; a side without orders has no price to move."""
    # Not from yes_bid: it may be missing or mistyped by now.
    bid = DOLLAR_MICROS - _micros(view["no_ask_dollars"])
    ask = _micros(view["yes_ask_dollars"])
    below = [_half_a_tick_below(market.listing, price) for price in (bid, ask)]
    return [_with(view, _quoted(*below))]


def zero_coded(view: View, market: RememberedMarket) -> list[View]:
    """Show nothing as 0, an empty no side included."""
    prices = dict.fromkeys((*_PRICES, "last_price_dollars"), price_text(0))
    return [_with(view, prices | dict.fromkeys(SIZES, count_text(0)))]


def frozen_candle(candle: View, market: RememberedMarket) -> View:
    """Flatten bid and ask of a candle that ends after the quote froze."""
    if candle["end_period_ts"] * 1000 <= market.frozen.ms:
        return candle
    quote = market.frozen.view
    sides = {"yes_bid": quote[_BID], "yes_ask": quote["yes_ask_dollars"]}
    return candle | {side: dict.fromkeys(_BAR, price) for side, price in sides.items()}


def _of(snapshot: Snapshot, names: tuple[str, ...]) -> View:
    return {name: snapshot.view[name] for name in names}


def _with(view: View, changes: View) -> View:
    """Change texts in place: nothing missing comes back, nothing mistyped is mended."""
    return {
        name: changes.get(name, value) if isinstance(value, str) else value
        for name, value in view.items()
    }


def _quoted(bid: int, ask: int) -> View:
    """Return the four prices of a quote, given and shown in micros where they are that fine."""
    prices = (bid, ask, DOLLAR_MICROS - ask, DOLLAR_MICROS - bid)
    texts = (micros_text(price).removesuffix("00") for price in prices)
    return dict(zip(_PRICES, texts, strict=True))


def _half_a_tick_below(listing: Listing, micros: int) -> int:
    """Return a price off the grid; it stays in its stretch, for the next one may be finer."""
    if micros in (0, DOLLAR_MICROS):
        return micros
    part = next(
        part
        for part in listing.price_ranges
        if part.start * PRICE_MICROS < micros <= part.end * PRICE_MICROS
    )
    start, tick = part.start * PRICE_MICROS, part.step * PRICE_MICROS
    ticks = -(-(micros - start) // tick)
    return start + ticks * tick - tick // 2


def _count(text: str) -> int:
    return parse_count(text) or 0


def _micros(dollars: str) -> int:
    """Read a price of up to six decimals, as other faults may have left it."""
    whole, fraction = dollars.split(".")
    return int(whole + fraction.ljust(6, "0"))
