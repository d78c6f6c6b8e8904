"""Faults on demand in the market data feed: what a rehearsal or a test lets go wrong.

    faults = parse_faults(["frozen-feed", "crossed-book:KXCPI-26OCT-T0.3"], tape.listings)
    with running_exchange(exchange, interceptor=FaultyFeed(faults, exchange.tape)) as handle:
        ...

Only what is shown breaks: the exchange itself goes on matching at its true prices. Orders, account
and the listing of markets are untouched, so a strategy meets the fault where it would in life, in
the midst of its run.

Reading order: `catalog` (which faults there are) → `alterations` (what each makes of a market) →
`past` (what a frozen or a stale market still shows) → `feed` (which answers they change).
"""

from kalshi_assets.local_exchange.faults.catalog import (
    Fault,
    fault_descriptions,
    known_faults,
    parse_faults,
)
from kalshi_assets.local_exchange.faults.feed import FaultyFeed

__all__ = ["Fault", "FaultyFeed", "fault_descriptions", "known_faults", "parse_faults"]
