"""The universe: which markets there are, and which of them are tracked."""

from collections.abc import Sequence

import dagster as dg

from kalshi_assets.defs import freshness
from kalshi_assets.defs.market_data.universe import discover, held_markets, rules_of
from kalshi_assets.defs.metadata import cents_text, moment_text, table
from kalshi_assets.defs.partitions import DATA_KINDS, OWNERS
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.market import Candle, MarketSnapshot, Series, Trade
from kalshi_assets.domain.universe import UniverseChange, changes_of, tracked_of
from kalshi_assets.kalshi.batches import Batch
from kalshi_assets.storage import events as event_rows
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

    All open markets of the configured series and categories, and each that was one of them until
    its result is final. The most traded open ones are *tracked*: those are polled, averaged and
    traded, the others are not. Every change is kept in `universe_changes`.

    **Refreshed** every hour.

    **When it is red or late:** the exchange did not answer or a market came without terms; the
    check names it. Polls go on with the markets known before. Materialise it again to retry.
    """
    settings, now = platform.settings, platform.clock.now()
    with platform.database.transaction() as connection:
        known, held = rows.known_states(connection), held_markets(connection)
    with platform.client() as client:
        found = discover(client, settings, known, held=held)
    snapshots, rules = list(found.snapshots.values()), rules_of(settings)
    tracked = tracked_of(snapshots, rules, held=held)
    changes = changes_of(known, snapshots, tracked=tracked, rules=rules)
    with platform.database.transaction() as connection:
        rows.save_series(connection, list(found.series.values()), seen_at=now)
        rows.save_markets(connection, snapshots, tracked=list(tracked), seen_at=now)
        rows.save_changes(connection, changes, at=now)
        quarantined = intake.save_quarantined(
            connection, rejected_of(found.batches), received_at=now, run_id=context.run.run_id
        )
    exclusive = _keep_events(platform, snapshots)
    return dg.MaterializeResult(
        metadata={
            "markets": len(snapshots),
            "tracked": len(tracked),
            "as_of": moment_text(now),
            "changes": _changes_table(changes),
            "series": ", ".join(sorted(found.series)),
            "series_without_markets": ", ".join(
                sorted(set(settings.series) - {s.market.series_ticker for s in snapshots})
            ),
            "unknown_markets": ", ".join(found.unknown),
            "quarantined": quarantined,
            "events_of_exclusive_markets": ", ".join(exclusive),
            "tracked_markets": _table([found.snapshots[t] for t in tracked]),
        }
    )


def _keep_events(platform: Platform, snapshots: Sequence[MarketSnapshot]) -> list[str]:
    """Store the events of these markets; return those whose markets exclude each other."""
    tickers = sorted({snapshot.market.event_ticker for snapshot in snapshots})
    with platform.client() as client:
        found = client.events(tickers=tickers).rows
    with platform.database.transaction() as connection:
        event_rows.save_events(connection, found, seen_at=platform.clock.now())
    return [event.ticker for event in found if event.is_mutually_exclusive]


def rejected_of(
    batches: Sequence[Batch[MarketSnapshot] | Batch[Candle] | Batch[Trade] | Batch[Series]],
) -> list[intake.Quarantined]:
    """Return the malformed rows of these answers, as they go to quarantine."""
    return [
        intake.Quarantined(source=row.source, reason=row.reason, payload=row.payload)
        for batch in batches
        for row in batch.rejected
    ]


def _changes_table(changes: Sequence[UniverseChange]) -> dg.MetadataValue:
    return table(
        ["market", "change", "why"],
        [[c.market_ticker, c.change, c.why] for c in changes],
        empty="Nothing has changed since the last look.",
    )


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
