"""What is sent: paths, order bodies, and calls cut to the exchange's sizes. Sends nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts, dollars
from kalshi_assets.kalshi.schemas_account import BOOK_SIDE_OF

PORTFOLIO = "/portfolio"
# Reads list orders under the portfolio itself; writes (V2) go to its events.
ORDER_LIST = PORTFOLIO + "/orders"
ORDER_WRITES = PORTFOLIO + "/events/orders"

LARGEST_PAGE = 1_000
MOST_TICKERS = 100
MOST_CANDLES = 10_000
CANDLE_MINUTES = (1, 60, 1440)
SECONDS_PER_MINUTE = 60
# Both ends of a span are inclusive, and a point at its start may come on top.
CANDLES_BESIDE = 2
# Order prices carry at most four decimals.
MICROS_PER_PRICE_STEP = 100


def order_body(order: OrderRequest) -> dict[str, str | int]:
    """Return the V2 body that means this order.

    The one book is quoted on the YES leg: buying YES at p is a bid at p, buying NO at p an ask at
    1 - p (order direction page). It rests until it expires, and never trades with ourselves.

    Raises:
        ValueError: price, count or expiry cannot be sent as they are; nothing is rounded.
    """
    paid = order.limit_price
    if not 0 < paid < MICROS_PER_DOLLAR or paid % MICROS_PER_PRICE_STEP:
        raise ValueError(f"price {dollars(paid)} lies outside 0-1 or has more than 4 decimals")
    if order.count <= 0:
        raise ValueError(f"count {contracts(order.count)} is not above 0")
    yes_price = paid if order.side == "yes" else MICROS_PER_DOLLAR - paid
    return {
        "ticker": order.market_ticker,
        "client_order_id": order.client_order_id,
        "side": BOOK_SIDE_OF[order.side],
        "count": f"{contracts(order.count):.2f}",
        "price": f"{dollars(yes_price):.4f}",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "expiration_time": epoch_seconds(order.expires_at),
    }


def segment(name: str) -> str:
    """Return a ticker or id as one segment of a path.

    Raises:
        ValueError: it is empty or dots: the path would name all orders, or something else.
    """
    if not name.strip("."):
        raise ValueError(f"{name!r} is no ticker and no id")
    return quote(name, safe="")


def epoch_seconds(moment: datetime) -> int:
    """Return whole seconds since the epoch, rounded down.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return int(moment.timestamp() // 1)


def after(moment: datetime | None) -> int | None:
    """Return the `min_ts` that leaves out nothing from `moment` on, itself included."""
    return None if moment is None else epoch_seconds(moment) - 1


def in_calls(tickers: Sequence[str], most: int = MOST_TICKERS) -> list[Sequence[str]]:
    """Return the tickers, each once, in runs that fit into one call."""
    unique = list(dict.fromkeys(tickers))
    return [unique[at : at + most] for at in range(0, len(unique), most)]


def ticker_lists(tickers: Sequence[str] | None) -> list[str] | list[None]:
    """Return one comma list a call; no restriction (None) is one call without a list."""
    return [None] if tickers is None else [",".join(call) for call in in_calls(tickers)]


def candle_calls(
    tickers: Sequence[str], start: datetime, end: datetime, *, interval_minutes: int
) -> Iterator[dict[str, str | int | None]]:
    """Yield the parameters of calls that each stay below the exchange's sizes.

    Raises:
        ValueError: no candles of such an interval, or the span ends before it starts.
    """
    if interval_minutes not in CANDLE_MINUTES:
        raise ValueError(f"interval {interval_minutes} min is none of {CANDLE_MINUTES}")
    first, last = epoch_seconds(start), epoch_seconds(end)
    if last < first:
        raise ValueError(f"{end} lies before {start}")
    step = interval_minutes * SECONDS_PER_MINUTE
    while first <= last:
        until = min(last, first + (MOST_CANDLES - CANDLES_BESIDE) * step)
        candles_each = (until - first) // step + CANDLES_BESIDE
        for call in in_calls(tickers, min(MOST_TICKERS, MOST_CANDLES // candles_each)):
            yield {
                "market_tickers": ",".join(call),
                "start_ts": first,
                "end_ts": until,
                "period_interval": interval_minutes,
            }
        first = until + 1
