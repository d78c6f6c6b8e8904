"""Which markets may stand still while they trade: found in one pass, so that few need a long look.

A feed writes tens of thousands of ticks in the hours that tell a standstill from a calm market.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text


def may_stand_still(
    connection: Connection, since: datetime, until: datetime, *, for_long: timedelta
) -> dict[str, bool]:
    """Return, by market with raw ticks in [since, until], whether its quote may stand for too long.

    It does not where bid, ask or sizes changed in the last `for_long`, or where neither volume nor
    the exchange's time of change ever differed. All others have to be looked at tick by tick.
    """
    values = {"since": since, "until": until, "recent": until - for_long}
    rows = connection.execute(_MAY_STAND_STILL, values)
    return {row.market_ticker: row.may_stand_still for row in rows}


# Sizes count where both are known. Of nothing recent nothing is known: that may be a standstill.
_MAY_STAND_STILL = text(
    """
    SELECT market_ticker,
           coalesce(
               min(yes_bid) FILTER (WHERE is_recent) = max(yes_bid) FILTER (WHERE is_recent)
               AND min(yes_ask) FILTER (WHERE is_recent) = max(yes_ask) FILTER (WHERE is_recent),
               true
           ) AND coalesce(
               min(yes_bid_size) FILTER (WHERE is_sized) = max(yes_bid_size) FILTER (WHERE is_sized)
               AND min(yes_ask_size) FILTER (WHERE is_sized)
                 = max(yes_ask_size) FILTER (WHERE is_sized),
               true
           ) AND (
               coalesce(min(volume) <> max(volume), false)
               OR min(quoted_at) <> max(quoted_at)
               OR coalesce(max(bar_volume) > 0, false)
           ) AS may_stand_still
    FROM (
        SELECT *, observed_at > :recent AS is_recent,
               observed_at > :recent AND yes_bid_size IS NOT NULL AND yes_ask_size IS NOT NULL
               AS is_sized
        FROM kalshi.raw_ticks
        WHERE observed_at >= :since AND observed_at <= :until
    ) AS ticks
    GROUP BY market_ticker
    """
)
