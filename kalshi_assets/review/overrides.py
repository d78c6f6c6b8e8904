"""Overrides: where a hand changed what the bot was doing, and what the rule would have made. Pure.

The exchange does not say who cancelled an order: what left the book before its time, with no
request of ours and its market open, is taken for cancelled by hand.
"""

from collections.abc import Iterator, Mapping, Sequence

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.fees import taker_fee
from kalshi_assets.domain.journal import Books, JournalOrder, Override, RoundTrip
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.review.lots import Closed, Matched, Opened, trip_id_of


def overrides_of(books: Books, found: Matched, trips: Sequence[RoundTrip]) -> tuple[Override, ...]:
    """Return every override, in the order in which they happened."""
    by_id = {trip.trip_id: trip for trip in trips}
    values = _yes_values(books)
    all_of_them = [
        *_cancelled(books, by_id, values),
        *_closed_early(books, found.closed, values),
        *_doubled(found.opened, by_id),
    ]
    return tuple(sorted(all_of_them, key=lambda o: (o.at, o.kind, o.order_id, o.trip_id or "")))


def _yes_values(books: Books) -> dict[str, int]:
    """Return what a YES contract is worth where the result is known, settlements included."""
    values = dict(books.yes_values)
    for settled in books.settlements:
        if settled.result in ("yes", "no"):
            values[settled.market_ticker] = MICROS_PER_DOLLAR * (settled.result == "yes")
    return values


def _cancelled(
    books: Books, trips: Mapping[str, RoundTrip], values: Mapping[str, int]
) -> Iterator[Override]:
    for order in books.orders:
        count = order.count - order.fill_count
        if order.leg != "entry" or order.taken_off_at is None or not count:
            continue
        trip_id = trip_id_of("bot", order.signal_id, order.side)
        yield Override(
            kind="cancelled",
            at=order.taken_off_at,
            market_ticker=order.market_ticker,
            side=order.side,
            signal_id=order.signal_id,
            trip_id=trip_id if trip_id in trips else None,
            order_id=order.client_order_id,
            count=count,
            came_micros=0,
            rule_micros=_at_its_limit(order, count, values.get(order.market_ticker)),
        )


def _at_its_limit(order: JournalOrder, count: int, yes_value: int | None) -> int | None:
    """Return what the rest of an entry would have made, bought at its limit and held to the end."""
    if yes_value is None or order.fee_multiplier is None:
        return None
    cost = -(-count * order.limit_price // CENTICONTRACTS)
    fee = taker_fee(count, order.limit_price, multiplier=order.fee_multiplier)
    return _worth(order.side, count, yes_value) - cost - fee


def _closed_early(
    books: Books, closed: Sequence[Closed], values: Mapping[str, int]
) -> Iterator[Override]:
    grouped: dict[tuple[str, str], list[Closed]] = {}
    for end in closed:
        if end.how == "hand" and end.part.opened.buyer.order is not None:
            grouped.setdefault((end.part.opened.trip_id, end.order_id), []).append(end)
    for (trip_id, order_id), ends in grouped.items():
        opened, order = ends[0].part.opened, ends[0].part.opened.buyer.order
        spent = sum(end.part.cost_micros + end.part.fee_micros for end in ends)
        brought = sum(end.proceeds_micros - end.fee_micros for end in ends)
        kept = _kept(books, ends, values.get(opened.market_ticker))
        yield Override(
            kind="closed_early",
            at=ends[0].at,
            market_ticker=opened.market_ticker,
            side=opened.side,
            signal_id="" if order is None else order.signal_id,
            trip_id=trip_id,
            order_id=order_id,
            count=sum(end.part.count for end in ends),
            came_micros=brought - spent,
            rule_micros=None if kept is None else kept - spent,
        )


def _kept(books: Books, ends: Sequence[Closed], yes_value: int | None) -> int | None:
    """Return what the contracts would have brought in the rule's hands, net of its fee."""
    opened, count = ends[0].part.opened, sum(end.part.count for end in ends)
    order = opened.buyer.order
    exits = books.rule_exits.get((opened.market_ticker, opened.side), ())
    later = [found for found in exits if found.at >= ends[0].at]
    if later and order is not None:
        price = min(later, key=lambda found: found.at).price
        if order.fee_multiplier is None:
            return None
        fee = taker_fee(count, price, multiplier=order.fee_multiplier)
        return count * price // CENTICONTRACTS - fee
    return None if yes_value is None else _worth(opened.side, count, yes_value)


def _doubled(opened: Sequence[Opened], trips: Mapping[str, RoundTrip]) -> Iterator[Override]:
    grouped: dict[tuple[str, str], list[Opened]] = {}
    for lot in opened:
        if lot.buyer.kind == "manual" and lot.beside is not None:
            grouped.setdefault((lot.beside, lot.trip_id), []).append(lot)
    for (beside, trip_id), lots in grouped.items():
        added, count = trips[trip_id], sum(lot.count for lot in lots)
        result = added.result_micros
        yield Override(
            kind="doubled",
            at=lots[0].at,
            market_ticker=added.market_ticker,
            side=added.side,
            signal_id=trips[beside].signal_id or "",
            trip_id=beside,
            order_id=lots[0].buyer.order_id,
            count=count,
            came_micros=None if result is None else result * count // added.count,
            rule_micros=0,
        )


def _worth(side: Side, count: int, yes_value: int) -> int:
    """Return what contracts of a side are paid out with."""
    per_contract = yes_value if side == "yes" else MICROS_PER_DOLLAR - yes_value
    return count * per_contract // CENTICONTRACTS
