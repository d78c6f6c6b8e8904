"""What is asked of the raw tables."""

ORDERS = """
SELECT o.*, d.strategy, (d.inputs #>> '{seen,mean_micros}')::numeric AS mean,
       (d.inputs #>> '{seen,mid_micros}')::numeric AS mid,
       (d.inputs #>> '{inputs,fee_multiplier}')::numeric AS multiplier
FROM kalshi.orders o LEFT JOIN kalshi.decisions d USING (decision_id)
WHERE o.created_at < %(until)s
"""
FILLS = "SELECT * FROM kalshi.fills WHERE NOT is_before_opening AND filled_at < %(until)s"
SETTLEMENTS = (
    "SELECT * FROM kalshi.settlements WHERE NOT is_before_opening AND settled_at < %(until)s"
)
MARKS = """
SELECT market_ticker, sell_price FROM kalshi.positions
WHERE as_of = (SELECT max(as_of) FROM kalshi.positions WHERE as_of < %(until)s)
  AND sell_price IS NOT NULL
"""
YES_VALUES = """
SELECT ticker, CASE result WHEN 'yes' THEN 1000000 ELSE 0 END AS yes FROM kalshi.markets
WHERE result IN ('yes', 'no')
"""
TAKEN_OFF = """
SELECT * FROM (
    SELECT o.*, (d.inputs #>> '{inputs,fee_multiplier}')::numeric AS multiplier,
           (SELECT min(e.at) FROM kalshi.order_events e
            WHERE e.client_order_id = o.client_order_id AND e.kind = 'status'
              AND e.status = 'canceled' AND e.detail LIKE 'venue:%%' AND e.at < e.expires_at
              AND e.at < m.close_at
              AND NOT EXISTS (SELECT FROM kalshi.order_events a
                              WHERE a.client_order_id = o.client_order_id AND a.kind = 'cancel')
           ) AS at
    FROM kalshi.orders o LEFT JOIN kalshi.decisions d USING (decision_id)
    JOIN kalshi.markets m ON m.ticker = o.market_ticker
    WHERE o.leg = 'entry' AND o.fill_count < o.count AND o.created_at < %(until)s) AS found
WHERE at IS NOT NULL AND at < %(until)s
"""
RULE_EXITS = """
SELECT market_ticker, side, judged_at, inputs #> '{inputs,quote}' AS quote FROM kalshi.decisions
WHERE kind = 'exit' AND reason <> 'flatten' AND inputs #>> '{inputs,quote}' IS NOT NULL
"""
ENTRIES = """
SELECT o.*, s.triggered_at,
       (SELECT min(e.at) FROM kalshi.order_events e
        WHERE e.client_order_id = o.client_order_id AND e.kind = 'status'
          AND e.status IN ('resting', 'filled', 'canceled')) AS answered_at
FROM kalshi.orders o LEFT JOIN kalshi.signals s USING (signal_id)
WHERE o.leg = 'entry' AND o.created_at >= %(begin)s AND o.created_at < %(until)s
"""
REFUSED = """
SELECT d.*, d.inputs #> '{inputs,quote}' AS quote,
       (d.inputs #>> '{inputs,fee_multiplier}')::numeric AS multiplier,
       EXISTS (SELECT FROM kalshi.orders o WHERE o.signal_id = d.signal_id AND o.leg = 'entry'
               AND o.created_at >= d.judged_at AND o.created_at < %(until)s) AS was_ordered_later
FROM kalshi.decisions d
WHERE d.kind = 'entry' AND d.outcome = 'refused'
  AND d.judged_at >= %(begin)s AND d.judged_at < %(until)s
  AND NOT EXISTS (SELECT FROM kalshi.orders o WHERE o.signal_id = d.signal_id
                  AND o.leg = 'entry' AND o.created_at < d.judged_at)
ORDER BY d.judged_at, d.decision_id
"""
LAST_MID = """
SELECT mid FROM kalshi.clean_ticks WHERE market_ticker = %(ticker)s AND is_usable
AND observed_at >= %(begin)s AND observed_at < %(until)s ORDER BY observed_at DESC LIMIT 1
"""
RESULTS = """
SELECT m.ticker, m.result, s.yes_count, s.no_count, s.revenue_micros FROM kalshi.markets m
LEFT JOIN kalshi.settlements s ON s.market_ticker = m.ticker AND s.result = 'scalar'
"""
CHECKS = """
SELECT check_name, count(*) AS n, count(*) FILTER (WHERE NOT is_passed) AS failed
FROM kalshi.verdicts WHERE as_of >= %(begin)s AND as_of < %(until)s GROUP BY check_name
"""
GAPS = """
SELECT * FROM kalshi.gaps
WHERE from_at < %(until)s AND (to_at IS NULL OR to_at >= %(begin)s) ORDER BY from_at
"""
STATES = "SELECT * FROM kalshi.trading_state WHERE changed_at < %(until)s ORDER BY state_id"
CALLS = "SELECT * FROM kalshi.api_calls WHERE venue_at >= %(begin)s AND venue_at < %(until)s"
SETTINGS = "SELECT * FROM kalshi.settings_history WHERE venue_at < %(until)s ORDER BY row_id"
