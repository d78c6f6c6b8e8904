"""What was refused and what was ordered in a week, with what prices the one and times the other."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.domain.week_inputs import EntryOrder, RefusedDecision

Span = tuple[datetime, datetime]
NO_GATE = "(not named)"


def refused_of(connection: Connection, span: Span) -> list[RefusedDecision]:
    """Return the entries refused in a span, with what prices what they would have made.

    What the gates say of a signal that an order was made of before is left out: it was not missed.
    """
    rows = list(connection.execute(_REFUSED, {"begin": span[0], "end": span[1]}))
    tickers = {row.market_ticker for row in rows}
    results = _results(connection, tickers)
    mids = _last_mids(connection, tickers - results.keys(), span)
    return [_refused(row, results, mids) for row in rows]


# Of a gate that refuses at the sending, the approval before it has its order only after it.
_REFUSED = text(
    """
    SELECT d.decision_id, d.signal_id, d.market_ticker, d.judged_at, d.refused_by, d.side, d.count,
           d.inputs #> '{inputs,quote}' AS quote,
           d.inputs #>> '{inputs,fee_multiplier}' AS fee_multiplier,
           EXISTS (SELECT FROM kalshi.orders o
                   WHERE o.signal_id = d.signal_id AND o.leg = 'entry'
                     AND o.created_at >= d.judged_at AND o.created_at < :end) AS was_ordered_later
    FROM kalshi.decisions d
    WHERE d.kind = 'entry' AND d.outcome = 'refused'
      AND d.judged_at >= :begin AND d.judged_at < :end
      AND NOT EXISTS (SELECT FROM kalshi.orders o
                      WHERE o.signal_id = d.signal_id AND o.leg = 'entry'
                        AND o.created_at < d.judged_at)
    ORDER BY d.judged_at, d.decision_id
    """
)


def _refused(row: Row[Any], results: Mapping[str, int], mids: Mapping[str, int]) -> RefusedDecision:
    multiplier = row.fee_multiplier
    return RefusedDecision(
        decision_id=row.decision_id,
        signal_id=row.signal_id,
        judged_at=row.judged_at,
        gates=tuple(row.refused_by) or (NO_GATE,),
        side=row.side,
        ask_micros=None if row.quote is None else _ask(row.side, row.quote),
        count=row._mapping["count"],  # every row has a method of that name
        fee_multiplier=None if multiplier is None else Decimal(multiplier),
        yes_result_micros=results.get(row.market_ticker),
        yes_mid_micros=mids.get(row.market_ticker),
        was_ordered_later=row.was_ordered_later,
    )


def _ask(side: str, quote: Mapping[str, Any]) -> int | None:
    """Return what one contract of a side cost; None where nobody sold it."""
    if side == "yes":
        return int(quote["yes_ask"]) if quote["yes_ask_size"] > 0 else None
    return MICROS_PER_DOLLAR - int(quote["yes_bid"]) if quote["yes_bid_size"] > 0 else None


def _results(connection: Connection, tickers: Collection[str]) -> dict[str, int]:
    """Return what one YES contract was settled at, where that is known.

    The value of a scalar result stands in no market, but in what was paid for contracts held.
    """
    found: dict[str, int] = {}
    for row in connection.execute(_RESULTS, {"tickers": sorted(tickers)}):
        if row.result in ("yes", "no"):
            found[row.ticker] = MICROS_PER_DOLLAR * (row.result == "yes")
        elif bool(row.yes_count) != bool(row.no_count):  # both at once are paid $1 a pair
            paid = row.revenue_micros * CENTICONTRACTS // (row.yes_count or row.no_count)
            found[row.ticker] = paid if row.yes_count else MICROS_PER_DOLLAR - paid
    return found


_RESULTS = text(
    """
    SELECT m.ticker, m.result, s.yes_count, s.no_count, s.revenue_micros
    FROM kalshi.markets m
    LEFT JOIN kalshi.settlements s ON s.market_ticker = m.ticker AND s.result = 'scalar'
    WHERE m.ticker = ANY(:tickers)
    """
)


def _last_mids(connection: Connection, tickers: Collection[str], span: Span) -> dict[str, int]:
    """Return each market's last usable mid of the span, of its summaries where ticks are gone."""
    days = {"first": venue_day(span[0]), "last": venue_day(span[1])}
    values = {"tickers": sorted(tickers), "begin": span[0], "end": span[1], **days}
    rows = connection.execute(_LAST_MIDS, values) if tickers else ()
    return {row.ticker: row.mid for row in rows if row.mid is not None}


_LAST_MIDS = text(
    """
    SELECT w.ticker, coalesce(
        (SELECT mid FROM kalshi.clean_ticks c
         WHERE c.market_ticker = w.ticker AND c.is_usable
           AND c.observed_at >= :begin AND c.observed_at < :end
         ORDER BY c.observed_at DESC LIMIT 1),
        (SELECT mid_close FROM kalshi.daily_summaries s
         WHERE s.market_ticker = w.ticker AND s.day >= :first AND s.day < :last
           AND s.mid_close IS NOT NULL AND NOT s.is_provisional
         ORDER BY s.day DESC LIMIT 1)) AS mid
    FROM unnest(CAST(:tickers AS text[])) AS w(ticker)
    """
)


def last_quotes(
    connection: Connection, tickers: Collection[str], span: Span
) -> dict[str, tuple[int, int]]:
    """Return each market's last usable bid and ask of the span, micros of YES."""
    values = {"tickers": sorted(tickers), "begin": span[0], "end": span[1]}
    rows = connection.execute(_LAST_QUOTES, values) if tickers else ()
    return {row.ticker: (row.yes_bid, row.yes_ask) for row in rows}


_LAST_QUOTES = text(
    """
    SELECT w.ticker, c.yes_bid, c.yes_ask
    FROM unnest(CAST(:tickers AS text[])) AS w(ticker)
    CROSS JOIN LATERAL (
        SELECT yes_bid, yes_ask FROM kalshi.clean_ticks c
        WHERE c.market_ticker = w.ticker AND c.is_usable
          AND c.observed_at >= :begin AND c.observed_at < :end
        ORDER BY c.observed_at DESC LIMIT 1) AS c
    """
)


def entry_orders_of(connection: Connection, span: Span) -> list[EntryOrder]:
    """Return the orders of a span that were to open a position, and how they fared."""
    rows = connection.execute(_ENTRY_ORDERS, {"begin": span[0], "end": span[1]})
    return [EntryOrder(**row._mapping) for row in rows]


# A second attempt waits for the end of the first: it tells nothing of how fast an order is.
_ENTRY_ORDERS = text(
    """
    SELECT o.client_order_id AS order_id, o.count, o.fill_count,
           o.venue_order_id IS NOT NULL AS has_reached_venue,
           CASE WHEN o.attempt = 1 THEN s.triggered_at END AS signal_at,
           (SELECT min(e.at) FROM kalshi.order_events e
            WHERE e.client_order_id = o.client_order_id AND e.kind = 'status'
              AND e.status IN ('resting', 'filled', 'canceled')) AS acknowledged_at
    FROM kalshi.orders o LEFT JOIN kalshi.signals s USING (signal_id)
    WHERE o.leg = 'entry' AND o.created_at >= :begin AND o.created_at < :end
    ORDER BY o.created_at, o.client_order_id
    """
)
