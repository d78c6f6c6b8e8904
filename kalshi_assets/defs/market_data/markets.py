"""The universe: which markets there are, and which of them are tracked."""

from collections.abc import Sequence

import dagster as dg

from kalshi_assets.defs import freshness
from kalshi_assets.defs.metadata import cents_text, moment_text, table
from kalshi_assets.defs.partitions import DATA_KINDS, OWNERS
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.market import Candle, MarketSnapshot, Series, Trade
from kalshi_assets.errors import NotFound
from kalshi_assets.kalshi.batches import Batch
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.storage import intake
from kalshi_assets.storage import markets as rows


@dg.asset(
    group_name="market_data",
    owners=OWNERS,
    kinds=DATA_KINDS,
    freshness_policy=freshness.HOURLY,
)
def markets(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """A market as last seen, with its terms: title, price grid, closing time, fee terms.

    All open markets of the configured series. The most traded of them are *tracked*: those are
    polled, averaged and traded, the others are not.

    **Refreshed** every hour.

    **When it is red or late:** the exchange did not answer or a market came without terms; the
    check names it. Polls go on with the markets known before. Materialise it again to retry.
    """
    settings, now = platform.settings, platform.clock.now()
    with platform.client() as client:
        series = [s for ticker in settings.series if (s := _series(client, ticker)) is not None]
        batches = [client.markets(series_ticker=s.ticker, status="open") for s in series]
    snapshots = [snapshot for batch in batches for snapshot in batch.snapshots]
    tracked = most_traded(snapshots, settings.max_markets)
    with platform.database.transaction() as connection:
        rows.save_series(connection, series, seen_at=now)
        rows.save_markets(connection, snapshots, tracked=tracked, seen_at=now)
        quarantined = intake.save_quarantined(
            connection, rejected_of(batches), received_at=now, run_id=context.run.run_id
        )
    by_ticker = {s.market.ticker: s for s in snapshots}
    return dg.MaterializeResult(
        metadata={
            "markets": len(snapshots),
            "tracked": len(tracked),
            "as_of": moment_text(now),
            "series": ", ".join(s.ticker for s in series),
            "series_without_markets": ", ".join(
                sorted(set(settings.series) - {s.market.series_ticker for s in snapshots})
            ),
            "quarantined": quarantined,
            "tracked_markets": _table([by_ticker[t] for t in tracked]),
        }
    )


def most_traded(snapshots: list[MarketSnapshot], limit: int) -> list[str]:
    """Return the tickers of the active markets with the most volume in 24 hours."""
    active = [s for s in snapshots if s.quote.status == "active"]
    ranked = sorted(active, key=lambda s: (-s.quote.volume_24h, s.market.ticker))
    return [s.market.ticker for s in ranked[:limit]]


def rejected_of(
    batches: Sequence[Batch[MarketSnapshot] | Batch[Candle] | Batch[Trade] | Batch[Series]],
) -> list[intake.Quarantined]:
    """Return the malformed rows of these answers, as they go to quarantine."""
    return [
        intake.Quarantined(source=row.source, reason=row.reason, payload=row.payload)
        for batch in batches
        for row in batch.rejected
    ]


def _series(client: KalshiClient, ticker: str) -> Series | None:
    try:
        return client.series(ticker)
    except NotFound:
        return None


def _table(snapshots: list[MarketSnapshot]) -> dg.MetadataValue:
    return table(
        ["market", "title", "bid", "ask", "volume 24 h", "closes"],
        [
            [
                s.market.ticker,
                s.market.title,
                cents_text(s.quote.yes_bid),
                cents_text(s.quote.yes_ask),
                f"{s.quote.volume_24h / 100:,.0f}",
                moment_text(s.market.close_at),
            ]
            for s in snapshots
        ],
        empty="No market of the configured series is open.",
    )
