"""Faults on demand: what a rehearsal or a test lets go wrong.

A rule names one fault and when it holds; a file of rules or the control address sets them, and
`Controls` lets each strike when its time has come. Faults of calls break single calls, on their way
in or out. Switches change how the exchange behaves. Faults of the feed break what is shown of the
markets:

    faults = parse_faults(["frozen-feed", "crossed-book:KXCPI-26OCT-T0.3"], tape.listings)
    with running_exchange(exchange, interceptor=FaultyFeed(faults, exchange.tape)) as handle:
        ...

There only what is shown breaks: the exchange itself goes on matching at its true prices. Orders,
account and the listing of markets are untouched, so a strategy meets the fault where it would in
life, in the midst of its run.

Reading order: `vocabulary` (every fault by name) → `rules` → `call_faults` over `wire`, `switches`
→ `entry` and `controls` (what is set) → `opening`, `pages` (the address). Of the feed: `catalog`
(which faults there are) → `alterations` (what each makes of a market) → `past` (what a frozen or a
stale market still shows) → `feed` (which answers they change).
"""

from kalshi_assets.local_exchange.faults.catalog import (
    Fault,
    fault_descriptions,
    known_faults,
    parse_faults,
)
from kalshi_assets.local_exchange.faults.controls import Controls
from kalshi_assets.local_exchange.faults.feed import FaultyFeed
from kalshi_assets.local_exchange.faults.opening import in_turn, open_controls
from kalshi_assets.local_exchange.faults.pages import fault_routes
from kalshi_assets.local_exchange.faults.vocabulary import VOCABULARY, read_fault_file
from kalshi_assets.local_exchange.faults.wire import TRANSPORT

__all__ = [
    "TRANSPORT",
    "VOCABULARY",
    "Controls",
    "Fault",
    "FaultyFeed",
    "fault_descriptions",
    "fault_routes",
    "in_turn",
    "known_faults",
    "open_controls",
    "parse_faults",
    "read_fault_file",
]
