"""What a position counts for, while its market trades and from then until it is paid. Pure.

A market that trades: the bid of the side held; nothing where nobody bids, for it cannot be sold.
A market that does not trade any more, or not now: it *waits*. What is held there counts

1. what it pays, once the exchange tells the result;
2. before that the bid that still shows: nobody can bid any more, so it is from when it traded;
3. with an empty book the price that the account's own newest record has for it.

The record (table `positions`) is the source because all that is held is in it, bought by hand or
not, because nothing ever drops it, and because it is the very price that the day's loss was last
reckoned with: by its close alone a market changes nothing. While it waits each record hands that
price on to the next. It is a quote of the venue as all prices here are, not a cleaned tick. A
record that is older than `REACH` is none: then, as where nobody bid, what is held counts nothing.

Money that waits cannot be had: the shares that orders may cost leave it out (`risk.inputs`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kalshi_assets.domain.account import Position
from kalshi_assets.domain.market import Market, MarketSnapshot, Quote
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.storage.account import RecordedBid

# Records are five minutes apart, but where this installation was off.
REACH = timedelta(days=1)
TOLD = ("determined", "amended", "finalized")
CONTESTED = "disputed"

# Gives, for some markets, what they were recorded with up to a moment.
LastBids = Callable[[Sequence[str], datetime], Mapping[str, RecordedBid]]


@dataclass(frozen=True)
class Mark:
    """What one contract of the side held counts, micros.

    Attributes:
        is_waiting: it cannot be sold now.
        is_known: False where it waits and counts nothing because no bid is known.
    """

    price: int
    is_waiting: bool = False
    is_known: bool = True


def marks_of(
    held: Sequence[Position],
    markets: Mapping[str, MarketSnapshot],
    *,
    at: datetime,
    last_bids: LastBids,
) -> dict[str, Mark]:
    """Return by market what its position counts; one whose market is not told has no mark."""
    found = {p.market_ticker: markets[p.market_ticker] for p in held if p.market_ticker in markets}
    waiting = [ticker for ticker, each in found.items() if not _trades(each, at)]
    recorded = last_bids(waiting, at) if waiting else {}
    return {
        p.market_ticker: _waiting(p, found[p.market_ticker], recorded.get(p.market_ticker))
        if p.market_ticker in waiting
        else Mark(sell_price(p, found[p.market_ticker].quote))
        for p in held
        if p.market_ticker in found
    }


def sell_price(position: Position, quote: Quote) -> int:
    """Return the bid of the side held, micros; 0 where nobody bids."""
    if position.position > 0:
        return quote.yes_bid if quote.yes_bid_size > 0 else 0
    return MICROS_PER_DOLLAR - quote.yes_ask if quote.yes_ask_size > 0 else 0


def _trades(snapshot: MarketSnapshot, at: datetime) -> bool:
    """Tell whether something can be sold: a market's status may lag behind its close."""
    return snapshot.market.status == "active" and at < snapshot.market.close_at


def _waiting(position: Position, snapshot: MarketSnapshot, recorded: RecordedBid | None) -> Mark:
    shown, paid = sell_price(position, snapshot.quote), _payout(position, snapshot.market)
    bid = shown or _recorded_price(position, recorded)
    if paid is None:
        return Mark(bid, is_waiting=True, is_known=bid > 0)
    if snapshot.market.status in TOLD:
        return Mark(paid, is_waiting=True)
    return Mark(min(bid, paid), is_waiting=True)


def _recorded_price(position: Position, recorded: RecordedBid | None) -> int:
    if recorded is None or (recorded.position > 0) != (position.position > 0):
        return 0
    return recorded.price


def _payout(position: Position, market: Market) -> int | None:
    """Return what a contract of the side held pays as the exchange tells it, else None."""
    if market.status not in (*TOLD, CONTESTED):
        return None
    yes = market.settlement_value
    if yes is None and market.result in ("yes", "no"):
        yes = MICROS_PER_DOLLAR if market.result == "yes" else 0
    return yes if yes is None or position.position > 0 else MICROS_PER_DOLLAR - yes
