"""The trade journal: what it is made of is read from the ledger, and a week of it is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, exists, func, select

from kalshi_assets.domain.account import Fill, Settlement, Side
from kalshi_assets.domain.journal import Books, Journal, JournalOrder, Override, RoundTrip, RuleExit
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.errors import LedgerNotOpen
from kalshi_assets.storage import books, schema
from kalshi_assets.storage.rows import replace_span

WEEK = timedelta(days=7)
DERIVED = (
    "holding_seconds",
    "entry_price_micros",
    "exit_price_micros",
    "result_micros",
    "edge_micros",
    "slippage_mid_micros",
    "slippage_limit_micros",
)


def read_books(connection: Connection, *, until: datetime) -> Books:
    """Return all that happened on the account before a moment.

    Results of markets and what exit rules found later are in it: they price what a hand changed.
    """
    opened = books.opening(connection)
    fills = books.fills_since_opening(connection)
    settled = books.settlements_since_opening(connection)
    found = _books(
        connection,
        [fill for fill in fills if fill.filled_at < until],
        [each for each in settled if each.settled_at < until],
        until=until,
    )
    if opened is None:
        return found
    return replace(found, opened_at=opened.at, held_at_opening=opened.positions)


def read_earlier_books(connection: Connection) -> Books:
    """Return what is kept of the account's time before its books were opened.

    What these books leave open was held at the opening; the books since begin with it, at the cost
    that the venue stated. So the two are journals of their own, and their sums are not one.

    Raises:
        LedgerNotOpen: there is no before.
    """
    opened = books.opening(connection)
    if opened is None:
        raise LedgerNotOpen("the books are not open: reconcile first")
    return _books(connection, *books.before_opening(connection), until=opened.at)


def sell_prices(connection: Connection, *, until: datetime) -> dict[str, int]:
    """Return what a contract of each open position counted when last recorded before a moment.

    A position that had no price then has none.
    """
    held = schema.positions.c
    newest = select(func.max(held.as_of)).where(held.as_of < until).scalar_subquery()
    query = select(held.market_ticker, held.sell_price).where(
        held.as_of == newest, held.sell_price.is_not(None)
    )
    return {row.market_ticker: row.sell_price for row in connection.execute(query)}


def save_week(connection: Connection, journal: Journal, *, week: date, since: datetime) -> int:
    """Make the rows of a week exactly these, and return how many changed.

    Args:
        connection: a transaction.
        journal: of all books up to the week's end.
        week: the week's first day.
        since: when it begins. What was closed or done before is another week's.
    """
    span = week, week + WEEK
    trips = [t for t in journal.trips if t.closed_at is None or t.closed_at >= since]
    found = [each for each in journal.overrides if each.at >= since]
    return sum(
        replace_span(connection, table, table.c.week, span=span, rows=rows)
        for table, rows in (
            (schema.trade_journal, [_trip_row(trip, week) for trip in trips]),
            (schema.overrides, [_override_row(each, week) for each in found]),
        )
    )


def _books(
    connection: Connection,
    fills: Sequence[Fill],
    settlements: Sequence[Settlement],
    *,
    until: datetime,
) -> Books:
    return Books(
        held_at_opening={},
        fills=fills,
        settlements=settlements,
        orders=_orders(connection, until=until),
        foreign_kinds=_foreign_kinds(connection),
        yes_values=_yes_values(connection),
        rule_exits=_rule_exits(connection),
    )


def _trip_row(trip: RoundTrip, week: date) -> dict[str, Any]:
    derived = {name: getattr(trip, name) for name in DERIVED}
    values = {**vars(trip), **derived, "week": week}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}


def _override_row(override: Override, week: date) -> dict[str, Any]:
    return {**vars(override), "gain_micros": override.gain_micros, "week": week}


def _orders(connection: Connection, *, until: datetime) -> list[JournalOrder]:
    rows = connection.execute(_orders_query().where(schema.orders.c.created_at < until))
    return [_order(row._asdict(), until=until) for row in rows]


def _orders_query() -> Select[Any]:
    """Return the orders with what their decisions saw, and when they left the book early."""
    order, decided = schema.orders.c, schema.decisions.c
    names = ("client_order_id", "venue_order_id", "signal_id", "market_ticker", "leg", "side")
    return (
        select(
            *(order[name] for name in (*names, "limit_price", "count", "fill_count")),
            decided.strategy,
            func.coalesce(decided.reason, "").label("exit_reason"),
            decided.inputs["seen"]["mean_micros"].astext.label("yes_mean"),
            decided.inputs["seen"]["mid_micros"].astext.label("yes_mid"),
            decided.inputs["inputs"]["fee_multiplier"].astext.label("fee_multiplier"),
            _taken_off_at().label("taken_off_at"),
        )
        .outerjoin(schema.decisions, decided.decision_id == order.decision_id)
        .outerjoin(schema.markets, schema.markets.c.ticker == order.market_ticker)
        .order_by(order.client_order_id)
    )


def _taken_off_at() -> ScalarSelect[Any]:
    """Return when the venue's list first showed an order cancelled that nothing had ended.

    The answer to the order itself, or to a request of ours, is not of the list.
    """
    order, event = schema.orders.c, schema.order_events.c
    asked = schema.order_events.alias("asked").c
    is_asked = exists().where(
        asked.client_order_id == order.client_order_id, asked.kind == "cancel"
    )
    closed_at = func.coalesce(schema.markets.c.close_at, event.expires_at)
    return (
        select(func.min(event.at))
        .where(event.client_order_id == order.client_order_id)
        .where(event.kind == "status", event.status == "canceled")
        .where(event.detail.like("venue:%"), ~is_asked)
        .where(event.at < event.expires_at, event.at < closed_at)
        .correlate(schema.orders, schema.markets)
        .scalar_subquery()
    )


def _order(row: Mapping[str, Any], *, until: datetime) -> JournalOrder:
    at = row["taken_off_at"]
    numbers = ("yes_mean", "yes_mid", "fee_multiplier")
    decimals = {n: None if row[n] is None else Decimal(row[n]) for n in numbers}
    return JournalOrder(**{**row, **decimals, "taken_off_at": at if at and at < until else None})


def _foreign_kinds(connection: Connection) -> dict[str, str]:
    """Return what is known of each order that is not ours."""
    table = schema.foreign_orders.c
    return {row[0]: row[1] for row in connection.execute(select(table.order_id, table.kind))}


def _yes_values(connection: Connection) -> dict[str, int]:
    """Return what YES is worth in each market that ended with yes or no."""
    market = schema.markets.c
    query = select(market.ticker, market.result).where(market.result.in_(("yes", "no")))
    won = {row[0]: row[1] == "yes" for row in connection.execute(query)}
    return {ticker: MICROS_PER_DOLLAR * is_yes for ticker, is_yes in won.items()}


def _rule_exits(connection: Connection) -> dict[tuple[str, Side], list[RuleExit]]:
    """Return when exit rules found a reason to sell, and the bid then; commands are no rule."""
    row = schema.decisions.c
    quote = row.inputs["inputs"]["quote"]
    query = (
        select(row.market_ticker, row.judged_at, row.side, quote.label("quote"))
        .where(row.kind == "exit", row.reason != "flatten")
        .order_by(row.judged_at)
    )
    found: dict[tuple[str, Side], list[RuleExit]] = {}
    for each in connection.execute(query):
        if each.quote is not None:
            sold = found.setdefault((each.market_ticker, each.side), [])
            sold.append(RuleExit(each.judged_at, _bid(each)))
    return found


def _bid(row: Row[Any]) -> int:
    """Return the bid of the side held; 0 where nobody bids."""
    quote = row.quote
    if row.side == "yes":
        return int(quote["yes_bid"]) if quote["yes_bid_size"] > 0 else 0
    return MICROS_PER_DOLLAR - int(quote["yes_ask"]) if quote["yes_ask_size"] > 0 else 0
