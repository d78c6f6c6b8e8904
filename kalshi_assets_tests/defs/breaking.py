"""How real rows are made to fail each gating check, market by market."""

from collections.abc import Callable, Sequence

from kalshi_assets_tests.stand import OVERREACTING, Stand

MARKETS = (
    OVERREACTING,
    "KXCPIYOY-26OCT-T3.0",
    "KXFED-26OCT-T3.75",
    "KXGDP-26Q3-T2.5",
    "KXPAYROLLS-26SEP-T75000",
)
OTHERS = MARKETS[1:]

# Of the live ticks, those that a poll brought of these markets.
POLLED = (
    "source_id IN (SELECT source_id FROM kalshi.tick_sources"
    " WHERE source = 'poll' AND market_ticker = ANY(:tickers))"
)
# What makes the rows of these markets fail the check.
STATEMENTS = {
    "markets_are_known": (
        "UPDATE kalshi.markets SET series_ticker = '?' WHERE ticker = ANY(:tickers)"
    ),
    "ticks_match_schema": ("UPDATE kalshi.live_ticks SET volume = NULL WHERE :polled"),
    "prices_are_in_range": ("UPDATE kalshi.live_ticks SET yes_ask = 1100000 WHERE :polled"),
    "prices_are_on_the_grid": ("UPDATE kalshi.live_ticks SET yes_bid = yes_bid - 50 WHERE :polled"),
    "bids_do_not_exceed_asks": (
        "UPDATE kalshi.live_ticks SET yes_bid = yes_ask + 10000 WHERE :polled"
    ),
    "prices_are_not_zero_coded": (
        "UPDATE kalshi.live_ticks SET yes_bid = 0, yes_ask = 0 WHERE :polled"
    ),
    "ticks_are_unique": "UPDATE kalshi.polls SET duplicates = :tickers",
    "ticks_are_fresh": (
        "UPDATE kalshi.live_ticks SET quoted_at = quoted_at - interval '6 min' WHERE :polled"
    ),
    "ticks_are_complete": ("DELETE FROM kalshi.live_ticks WHERE :polled"),
    "feed_is_not_frozen": (
        "UPDATE kalshi.candle_ticks r SET (yes_bid, yes_ask) = (n.yes_bid, n.yes_ask),"
        " (bid_low, bid_high, ask_low, ask_high) = (n.yes_bid, n.yes_bid, n.yes_ask, n.yes_ask),"
        " bar_volume = 100 FROM kalshi.raw_ticks n JOIN kalshi.tick_sources s USING (market_ticker)"
        " WHERE s.source_id = r.source_id AND n.source = 'poll'"
        " AND market_ticker = ANY(:tickers)"
    ),
    "usable_ticks_are_plausible": (
        "UPDATE kalshi.clean_ticks SET covered_ms = 26 * 3600000"
        " WHERE source = 'poll' AND market_ticker = ANY(:tickers)"
    ),
    "newest_ticks_are_usable": (
        "UPDATE kalshi.clean_ticks SET faults = '{frozen}', is_usable = false"
        " WHERE source = 'poll' AND market_ticker = ANY(:tickers)"
    ),
    "averages_are_covered": (
        "UPDATE kalshi.rolling_averages SET coverage = 0.59 WHERE market_ticker = ANY(:tickers)"
    ),
}

# The same through the exchange: what is polled of a market then.
Change = Callable[[dict[str, str]], list[dict[str, str]]]
POLLED_ROWS: dict[str, Change] = {
    "ticks_are_fresh": lambda row: [{**row, "updated_time": "2026-10-13T14:20:00Z"}],
    "bids_do_not_exceed_asks": lambda row: [
        {**row, "yes_bid_dollars": row["yes_ask_dollars"], "yes_ask_dollars": "0.0100"}
    ],
    "prices_are_on_the_grid": lambda row: [{**row, "yes_bid_dollars": "0.0155"}],
    "ticks_are_complete": lambda row: [],
    "ticks_are_unique": lambda row: [row, row],
    "prices_are_not_zero_coded": lambda row: [
        {**row, "yes_bid_dollars": "0.0000", "yes_ask_dollars": "0.0000"}
    ],
}


def break_check(stand: Stand, check: str, tickers: Sequence[str]) -> None:
    """Make these markets fail a check."""
    stand.execute(STATEMENTS[check].replace(":polled", POLLED), tickers=list(tickers))
