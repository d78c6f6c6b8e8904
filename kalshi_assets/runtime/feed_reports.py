"""What a feed tells Dagster: a materialisation of `raw_ticks`, at most every five minutes."""

import os
from time import monotonic
from typing import TYPE_CHECKING

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.feed_batch import Batch
from kalshi_assets.domain.stream import Gap

if TYPE_CHECKING:
    import dagster as dg

REPORT_SECONDS = 300.0
SHOWN_GAPS = 50


class Reports:
    """Counts what was written, and reports it. Without DAGSTER_HOME there is nobody to tell."""

    def __init__(self, clock: VenueClock) -> None:
        self._clock = clock
        self._due_at = monotonic() + REPORT_SECONDS
        self._ticks = self._trades = 0
        self._gaps: list[Gap] = []

    def count(self, batch: Batch) -> None:
        """Add what was written."""
        self._ticks += len(batch.ticks)
        self._trades += len(batch.trades) + len(batch.read)
        self._gaps += [gap for gap in batch.gaps.values() if gap.to_at is not None]

    def send_where_due(self) -> None:
        """Report what was written since the last report."""
        if monotonic() < self._due_at or "DAGSTER_HOME" not in os.environ:
            return
        self._due_at = monotonic() + REPORT_SECONDS
        if not (self._ticks or self._trades or self._gaps):
            return
        import dagster as dg  # takes seconds, and a feed should listen at once

        with dg.DagsterInstance.get() as instance:
            instance.report_runless_asset_event(self.event())
        self._ticks, self._trades, self._gaps = 0, 0, []

    def event(self) -> "dg.AssetMaterialization":
        """Return what would be reported now."""
        import dagster as dg

        day = venue_day(self._clock.now()).isoformat()
        spans = [
            f"{gap.channel} {gap.reason} {gap.from_at:%H:%M:%S.%f}-{gap.to_at:%H:%M:%S.%f} "
            f"{' '.join(gap.market_tickers)}"
            for gap in self._gaps[:SHOWN_GAPS]
        ]
        return dg.AssetMaterialization(
            "raw_ticks",
            partition=day,
            metadata={
                "source": "stream",
                "ticks": self._ticks,
                "trades": self._trades,
                "gaps": len(self._gaps),
                "gap_intervals": "\n".join(spans) or "none",
            },
        )
