"""Lets the paper venue's time pass up to a look: trades fill, orders end, winners are paid."""

from kalshi_assets.domain.account import Position, Settlement
from kalshi_assets.domain.market import Market, Trade
from kalshi_assets.execution.paper_account import PAIR_MICROS
from kalshi_assets.execution.paper_books import PaperBooks
from kalshi_assets.execution.paper_look import OVERLAP, Look
from kalshi_assets.execution.paper_queue import as_shown
from kalshi_assets.storage import paper as rows
from kalshi_assets.storage.paper import PaperOrder

WINNERS = ("yes", "no")


def catch_up(books: PaperBooks, look: Look) -> None:
    """Do everything that is due at a look, in the order in which it happened.

    Trades come first, each at its own moment, as orders that are over by now could still be filled
    by those of before their end. A market that is not open ends its orders; one whose row could not
    be read does not.
    """
    orders = {order.order_id: order for order in books.resting()}
    tickers = {order.market_ticker for order in orders.values()}
    _share_out_trades(books, look, orders, tickers)
    for order in orders.values():
        if order.remaining_count:
            _end_or_queue(books, look, order)
    rows.set_looked_at(books.connection, list(orders), look.at)
    for book in look.books.values():
        books.keep(book, books.liquidity(book))
    for position in books.account().positions():
        if position.market_ticker in look.markets:
            _settle(books, position, look.markets[position.market_ticker])


def _share_out_trades(
    books: PaperBooks, look: Look, orders: dict[str, PaperOrder], tickers: set[str]
) -> None:
    known = rows.shared_trades(books.connection, tickers)
    new = [t for t in look.trades if t.trade_id not in known and _is_in_hours(t, look)]
    shared = [trade for trade in new if books.share_out(trade, orders)]
    rows.add_shared_trades(books.connection, shared)
    rows.forget_shared_trades(books.connection, tickers, before=look.at - OVERLAP)


def _is_in_hours(trade: Trade, look: Look) -> bool:
    """Tell whether a trade was made before its market closed, as far as that is known."""
    market = look.markets.get(trade.market_ticker)
    return market is None or trade.created_at < market.close_at


def _end_or_queue(books: PaperBooks, look: Look, order: PaperOrder) -> None:
    """End an order that is over, or shorten the queue ahead of it to what the book shows."""
    book = look.books.get(order.market_ticker)
    if order.expires_at <= look.at:
        books.end(order, "ExpiryCancel")
    elif book is not None:
        queued = as_shown(order, book, look.at)
        if queued != order:
            books.save(queued)
    elif order.market_ticker in look.markets:
        books.end(order, "CloseCancel")


def _settle(books: PaperBooks, position: Position, market: Market) -> None:
    """Pay out what is held in a final market, once; before, a result may still change."""
    if market.status != "finalized" or market.result not in WINNERS:
        return
    yes, no = max(position.position, 0), max(-position.position, 0)
    rows.add_settlement(
        books.connection,
        Settlement(
            market_ticker=market.ticker,
            settled_at=books.now,
            result=market.result,
            yes_count=yes,
            no_count=no,
            revenue_micros=(yes if market.result == "yes" else no) * PAIR_MICROS,
            fee_micros=0,
        ),
    )
