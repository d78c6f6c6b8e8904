"""What the UI shows of the faults, gaps and rolls of whole days."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from kalshi_assets.analytics.fault_report import FaultReport, MarketFaults
from kalshi_assets.defs.metadata import Metadata, moment_text, span_text, table
from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.faults import read_faults


def fault_metadata(connection: Connection, days: Sequence[date]) -> Metadata:
    """Return the fault report of these days as metadata, the worst markets first."""
    report = read_faults(connection, day_bounds(min(days))[0], day_bounds(max(days))[1])
    return {
        "faults_by_market": _by_market(report),
        "gaps": table(
            ["nothing was observed", "hours"],
            [
                [span_text(gap.start, gap.end), f"{gap.length.total_seconds() / 3600:.1f}"]
                for gap in sorted(report.gaps, key=lambda gap: gap.length, reverse=True)
            ],
            empty="Something was observed all the time.",
        ),
        "gap_count": len(report.gaps),
        "rolls": table(
            ["series", "closes", "follows", "at"],
            [[r.series_ticker, r.closing, r.following, moment_text(r.at)] for r in report.rolls],
            empty="No event of a series closed and was followed by another.",
        ),
    }


def _by_market(report: FaultReport) -> dg.MetadataValue:
    return table(
        ["market", "ticks", "usable", "faults", "spans without a price", "longest, hours"],
        [
            [
                market.market_ticker,
                market.ticks,
                market.usable,
                faults_text(market),
                len(market.unpriced),
                f"{market.longest_unpriced_hours:.1f}",
            ]
            for market in sorted(report.markets, key=lambda market: market.usable - market.ticks)
        ],
        empty="No market has a tick on these days.",
    )


def faults_text(market: MarketFaults) -> str:
    """Return a market's faults in words."""
    return ", ".join(f"{count} {name}" for name, count in market.faults.items()) or "none"
