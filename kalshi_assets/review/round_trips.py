"""The trade journal's core: round trips and overrides out of an account's books. Pure, exact.

What a trip is: one signal's purchases, over all attempts, or one order's by hand, until the last
contract of it is closed. For every account

    cash at the opening + cost of what was held then + transfers + sum of results
        = cash now + open positions marked

to the micro, wherever each open position has a price and settlements paid only what is held.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from math import floor

from kalshi_assets.domain.journal import Books, Journal, JournalOrder, RoundTrip
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.review.lots import Closed, Matched, Opened, Part, matched, shares
from kalshi_assets.review.overrides import overrides_of

HALF = Fraction(1, 2)  # averages are rounded as those of the trip's own prices are


def journal_of(books: Books, *, sell_prices: Mapping[str, int]) -> Journal:
    """Return the journal of these books.

    Args:
        books: all that happened up to the moment the journal is of.
        sell_prices: by market, what one contract of the side held could be sold for at that moment,
            micros; a market that is missing has no known price.
    """
    found = matched(books)
    trips = round_trips(found, sell_prices=sell_prices)
    return Journal(trips, overrides_of(books, found, trips), found.unassigned_micros)


def round_trips(found: Matched, *, sell_prices: Mapping[str, int]) -> tuple[RoundTrip, ...]:
    """Return the trips that matched lots make, in the order in which they were opened."""
    opened, closed = dict[str, list[Opened]](), dict[str, list[Closed]]()
    for lot in found.opened:
        opened.setdefault(lot.trip_id, []).append(lot)
    for end in found.closed:
        closed.setdefault(end.part.opened.trip_id, []).append(end)
    values = _open_values(found.left, sell_prices)
    trips = [
        _trip(lots, closed.get(trip_id, []), open_value=values.get(trip_id, 0))
        for trip_id, lots in opened.items()
    ]
    return tuple(sorted(trips, key=lambda trip: (trip.opened_at, trip.trip_id)))


def _open_values(left: Sequence[Part], sell_prices: Mapping[str, int]) -> dict[str, int | None]:
    """Return what the open contracts of each trip could be sold for.

    The portfolio counts whole micros of a market's position; its trips share exactly those.
    """
    values: dict[str, int | None] = {}
    for ticker, grouped in groupby(left, key=lambda part: part.opened.market_ticker):
        parts, price = list(grouped), sell_prices.get(ticker)
        counts = [part.count for part in parts]
        if price is None:
            values.update({part.opened.trip_id: None for part in parts})
            continue
        worth = shares(sum(counts) * price // CENTICONTRACTS, counts)
        for part, share in zip(parts, worth, strict=True):
            trip_id = part.opened.trip_id
            values[trip_id] = (values.get(trip_id) or 0) + share
    return values


def _trip(
    opened: Sequence[Opened], closed: Sequence[Closed], *, open_value: int | None
) -> RoundTrip:
    first, order = opened[0], opened[0].buyer.order
    count, closed_count = sum(o.count for o in opened), sum(c.part.count for c in closed)
    proceeds, exit_fees = sum(c.proceeds_micros for c in closed), sum(c.fee_micros for c in closed)
    spent = sum(c.part.cost_micros + c.part.fee_micros for c in closed)
    return RoundTrip(
        trip_id=first.trip_id,
        kind=first.buyer.kind,
        strategy=None if order is None else order.strategy,
        signal_id=None if order is None else order.signal_id,
        market_ticker=first.market_ticker,
        side=first.side,
        count=count,
        closed_count=closed_count,
        entry_cost_micros=sum(o.cost_micros for o in opened),
        proceeds_micros=proceeds,
        entry_fees_micros=sum(o.fee_micros for o in opened),
        exit_fees_micros=exit_fees,
        opened_at=first.at,
        closed_at=closed[-1].at if closed_count == count else None,
        closings=_once(c.how for c in closed),
        realized_micros=proceeds - exit_fees - spent,
        open_value_micros=open_value,
        mean_micros=_mean(opened, lambda o: o.yes_mean, is_of_yes=True),
        mid_micros=_mean(opened, lambda o: o.yes_mid, is_of_yes=True),
        limit_micros=_mean(opened, lambda o: o.limit_price, is_of_yes=False),
        entry_order_ids=_once(o.buyer.order_id for o in opened),
        exit_order_ids=_once(c.order_id for c in closed),
    )


def _mean(
    opened: Sequence[Opened],
    value_of: Callable[[JournalOrder], Decimal | int | None],
    *,
    is_of_yes: bool,
) -> int | None:
    """Return a value of the orders, averaged over what each bought, for the side held."""
    total = Fraction(0)
    for lot in opened:
        value = None if lot.buyer.order is None else value_of(lot.buyer.order)
        if value is None:
            return None
        is_mirrored = is_of_yes and lot.side == "no"
        total += lot.count * Fraction(MICROS_PER_DOLLAR - value if is_mirrored else value)
    return floor(total / sum(lot.count for lot in opened) + HALF)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are not empty, each where it came first."""
    return tuple(dict.fromkeys(name for name in names if name))
